"""Who a step asks, and who may speak: looked up when the question comes up, never stored with the request.

A step asks a group, or people by what they are to this one request: the requester's manager, the owners of the target.
Every such word of a rule is resolved here and nowhere else, for lists, pages, news and answers alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from jit_access.access_requests.away import live_delegations
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import AccountKind, User
from jit_access.core import clock
from jit_access.grants.access import group_names
from jit_access.grants.asked import asked_about
from jit_access.policies.asked import MANAGER, TARGET_OWNER, group_of
from jit_access.targets.models import Target

People = dict[str, tuple[User, ...]]


@dataclass(frozen=True, slots=True)
class Voice:
    """One person whose answer can count, with the groups that make it count; `until` when lent to a stand-in."""

    person: User
    groups: frozenset[str]
    until: datetime | None = None

    def can_fill(self, word: str, request: AccessRequest) -> bool:
        """True when this person is now among those whom the word asks about this request."""
        if not self.person.is_active or not self.person.is_person:
            return False
        if self.person.pk in refused_people(request.requester):
            return False
        if word == MANAGER:
            return manager_id(request.requester) == self.person.pk
        if word == TARGET_OWNER:
            owners = request.target.owners.all()
            return request.target.owner_group in self.groups or any(one.pk == self.person.pk for one in owners)
        return group_of(word) in self.groups

    @property
    def asked_about(self) -> Q:
        """The requests in which some step asks this person."""
        return asked_about(self.person, self.groups)


def voices_of(actor: User, groups: frozenset[str] | None = None) -> tuple[Voice, ...]:
    """For whom this person may answer now, their own voice first. Without `groups` they are looked up.

    Only own rights are lent: a stand-in of a stand-in answers for nobody.
    """
    own = Voice(actor, group_names(actor) if groups is None else groups)
    if not actor.is_active or not actor.is_person:
        return (own,)
    held = live_delegations(clock.now()).filter(delegate=actor).prefetch_related("delegator__groups")
    return (own, *(voice_of_loaded(row.delegator, until=row.ends_at) for row in held))


def voice_of_loaded(person: User, *, until: datetime | None = None) -> Voice:
    """Somebody's own, whose groups were read with the rows at hand."""
    return Voice(person, frozenset(group.name for group in person.groups.all()), until)


def asked_requests(voices: Iterable[Voice]) -> QuerySet[AccessRequest]:
    """Every request about which somebody of these is asked, decided or not."""
    asked = Q(pk__in=[])
    for voice in voices:
        asked |= voice.asked_about
    return AccessRequest.objects.filter(asked)


def refused_people(requester: User) -> frozenset[int]:
    """Whoever asks, and whoever answers for the account that asks: neither ever approves it."""
    return frozenset(pk for pk in (requester.pk, requester.owner_id) if pk is not None)


def manager_id(requester: User) -> int | None:
    """The manager who is asked: a service account has its owner's."""
    return (requester.owner or requester).manager_id


def people_for(words: Iterable[str], requester: User, target: Target) -> People:
    """By word, the active people who may answer for this requester: never the requester, never their owner."""
    wanted = tuple(dict.fromkeys(words))
    by_group = {name: word for word in wanted if (name := group_of(word)) is not None}
    found: dict[str, list[User]] = {word: [] for word in wanted}
    for person in _candidates(Q(groups__name__in=by_group), requester).prefetch_related("groups"):
        for group in person.groups.all():
            if group.name in by_group:
                found[by_group[group.name]].append(person)
    if MANAGER in found:
        found[MANAGER].extend(_candidates(Q(pk=manager_id(requester)), requester))
    if TARGET_OWNER in found:
        owners = Q(owned_targets=target)
        if target.owner_group:
            owners |= Q(groups__name=target.owner_group)
        found[TARGET_OWNER].extend(_candidates(owners, requester))
    return {word: tuple(people) for word, people in found.items()}


def _candidates(which: Q, requester: User) -> QuerySet[User]:
    active = User.objects.filter(which, is_active=True, kind=AccountKind.PERSON)
    return active.exclude(pk__in=refused_people(requester)).order_by("display_name", "pk").distinct()

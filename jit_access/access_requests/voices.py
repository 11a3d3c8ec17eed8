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
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.grants.access import group_names
from jit_access.grants.asked import asked_about
from jit_access.grants.asked_people import People, manager_id, people_for, refused_people
from jit_access.policies.asked import MANAGER, TARGET_OWNER, group_of

__all__ = ["People", "Voice", "asked_requests", "people_for", "refused_people", "voice_of_loaded", "voices_of"]


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
        if self.person.pk in refused_people(request.requester) or stood_behind(self.person, request):
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


def stood_behind(person: User, request: AccessRequest) -> bool:
    """True for whoever answered for the account that asked, when it asked: the payload says so, whoever does by now."""
    return bool(person.public_id == request.payload["requester"].get("owner"))


def asked_requests(voices: Iterable[Voice]) -> QuerySet[AccessRequest]:
    """Every request about which somebody of these is asked, decided or not."""
    asked = Q(pk__in=[])
    for voice in voices:
        asked |= voice.asked_about
    return AccessRequest.objects.filter(asked)

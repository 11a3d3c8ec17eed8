"""Whom the words of a rule ask, as people: by group, or by what they are to one account and one target.

Looked up when the question comes up and never stored: a stored list of approvers goes stale (TEAM #585). Stands here so
that requests and envelopes, which stand above, ask the same people by the same rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db.models import Q, QuerySet

from jit_access.accounts.models import AccountKind, User
from jit_access.policies.answers import Approval, approval_words
from jit_access.policies.asked import MANAGER, TARGET_OWNER, group_of
from jit_access.targets.models import Target

People = dict[str, tuple[User, ...]]


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


def can_be_met(needs: Mapping[str, int], people: Mapping[str, Collection[int]]) -> bool:
    """True when distinct people can fill every step: one person counts in one step only.

    A matching by augmenting paths; the numbers are tiny (a few steps, a few dozen people).
    """
    slots = [group for group, count in needs.items() for _ in range(count)]
    taken: dict[int, int] = {}

    def place(slot: int, tried: set[int]) -> bool:
        for person in people.get(slots[slot], ()):
            if person in tried:
                continue
            tried.add(person)
            if person not in taken or place(taken[person], tried):
                taken[person] = slot
                return True
        return False

    return all(place(slot, set()) for slot in range(len(slots)))


def approvals_can_be_met(approvals: Iterable[Approval], people: People) -> bool:
    """True when the steps of a policy answer, of all stages, can be met by the people there are."""
    needs = {approval.group: approval.needed for approval in approvals}
    return can_be_met(needs, {group: [person.pk for person in members] for group, members in people.items()})


def why_nobody(approvals: Iterable[Approval], people: People) -> str:
    """Who is missing, for whoever asks in vain. Names nobody: how many there are is all that is told."""
    for one in sorted(approvals):
        if len(people[one.group]) < one.needed:
            return f"Nobody could approve this: {_lack(one, len(people[one.group]))}."
    return (
        "Nobody could approve this: everybody answers once, and there are too few different people for "
        f"{approval_words(approvals)}."
    )


def _lack(one: Approval, there: int) -> str:
    if one.group == MANAGER:
        return "the rule asks your manager, and none is set who could answer"
    who = "the owners of the target" if one.group == TARGET_OWNER else f"the group {group_of(one.group)}"
    return f"the rule asks {one.needed} of {who}, and {there or 'nobody'} there could answer you"


def _candidates(which: Q, requester: User) -> QuerySet[User]:
    active = User.objects.filter(which, is_active=True, kind=AccountKind.PERSON)
    return active.exclude(pk__in=refused_people(requester)).order_by("display_name", "pk").distinct()

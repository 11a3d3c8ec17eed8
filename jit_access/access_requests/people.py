"""Who may answer a request, looked up when the question comes up and never stored with the request.

A stored list of approvers goes stale: TEAM copies it and wedges when a group is gone (#585). Here a request that
nobody could answer is refused at once, and whoever answers is checked at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from jit_access.access_requests.models import AccessRequest, ApprovalStep, Verdict
from jit_access.accounts.models import AccountKind, User
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import Approval

People = Mapping[str, tuple[User, ...]]


@dataclass(frozen=True, slots=True)
class StepState:
    """One step: who agreed and stands behind it, and who still could."""

    group: str
    needed: int
    given: tuple[Verdict, ...]
    people: tuple[User, ...]
    step: ApprovalStep

    @property
    def open(self) -> int:
        """How many people it still needs."""
        return max(0, self.needed - len(self.given))


def people_for(groups: Iterable[str], requester: User) -> dict[str, tuple[User, ...]]:
    """By group, the active people who may answer for this requester: never the requester, never their owner."""
    wanted = tuple(groups)
    rows = (
        User.objects.filter(groups__name__in=wanted, is_active=True, kind=AccountKind.PERSON)
        .exclude(pk__in=[pk for pk in (requester.pk, requester.owner_id) if pk is not None])
        .order_by("display_name", "pk")
        .prefetch_related("groups")
        .distinct()
    )
    found: dict[str, list[User]] = {group: [] for group in wanted}
    for person in rows:
        for group in person.groups.all():
            if group.name in found:
                found[group.name].append(person)
    return {group: tuple(members) for group, members in found.items()}


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
    """True when the steps of a policy answer can be met by the people there are."""
    needs = {approval.group: approval.needed for approval in approvals}
    return can_be_met(needs, {group: [person.pk for person in members] for group, members in people.items()})


def step_states(request: AccessRequest) -> tuple[StepState, ...]:
    """Each step with its verdicts and the people who still may answer, in the order of the groups."""
    steps = list(request.steps.order_by("group"))
    rows = request.verdicts.select_related("approver").prefetch_related("approver__groups")
    verdicts = list(rows.order_by("created_at", "pk"))
    answered = {verdict.approver_id for verdict in verdicts}
    people = people_for([step.group for step in steps], request.requester)
    return tuple(
        StepState(
            group=step.group,
            needed=step.needed,
            given=tuple(verdict for verdict in verdicts if counts(verdict, step, request)),
            people=tuple(person for person in people[step.group] if person.pk not in answered),
            step=step,
        )
        for step in steps
    )


def counts(verdict: Verdict, step: ApprovalStep, request: AccessRequest) -> bool:
    """True for an approval, in this step, of what is asked now.

    While nothing is decided, only of somebody who could still give it.
    """
    if verdict.step_id != step.pk or not verdict.is_approval or verdict.payload_hash != request.payload_hash:
        return False
    approver = verdict.approver
    is_member = approver.is_active and any(group.name == step.group for group in approver.groups.all())
    return is_member or request.state != RequestState.PENDING


def choose_step(person: User, states: Iterable[StepState]) -> StepState | None:
    """The step in which this person's approval counts, so that the other steps can still be met where possible."""
    every = tuple(states)
    candidates = [state for state in every if state.open and any(one.pk == person.pk for one in state.people)]
    for candidate in candidates:
        needs = {state.group: state.open - (state is candidate) for state in every}
        others = {state.group: [one.pk for one in state.people if one.pk != person.pk] for state in every}
        if can_be_met(needs, others):
            return candidate
    return candidates[0] if candidates else None


def refusal_to_answer(actor: User, request: AccessRequest, groups: frozenset[str]) -> Reason | None:
    """None when this account, in these groups now, may answer at all. State and deadlines are asked elsewhere."""
    if not actor.is_person:
        return Reason.NOT_FOR_AGENTS
    if not actor.is_active:
        return Reason.ACCOUNT_LOCKED
    if actor.pk in {request.requester_id, request.requester.owner_id}:
        return Reason.OWN_REQUEST
    if not any(step.group in groups for step in request.steps.all()):
        return Reason.NOT_AN_APPROVER
    return None

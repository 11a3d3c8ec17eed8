"""Who may answer a request, looked up when the question comes up and never stored with the request.

A stored list of approvers goes stale: TEAM copies it and wedges when a group is gone (#585). Here a request that
nobody could answer is refused at once, and whoever answers is checked at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jit_access.access_requests.away import Standing, standings
from jit_access.access_requests.models import AccessRequest, ApprovalStep, Verdict
from jit_access.access_requests.voices import Voice, people_for, refused_people, stood_behind, voice_of_loaded
from jit_access.accounts.models import User
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.asked_people import can_be_met


@dataclass(frozen=True, slots=True)
class StepState:
    """One step: who agreed and stands behind it, and who still could. `is_now` while its stage is the one asked."""

    group: str
    needed: int
    given: tuple[Verdict, ...]
    people: tuple[User, ...]
    step: ApprovalStep
    is_now: bool = True
    standings: Mapping[int, Standing] = field(default_factory=dict)  # of those who are away or have a stand-in

    @property
    def open(self) -> int:
        """How many people it still needs."""
        return max(0, self.needed - len(self.given))

    @property
    def stage(self) -> int:
        return self.step.stage


def step_states(request: AccessRequest) -> tuple[StepState, ...]:
    """Each step with its verdicts and the people who still may answer, stage by stage."""
    steps = list(request.steps.order_by("stage", "group"))
    rows = request.verdicts.select_related("approver", "on_behalf_of")
    rows = rows.prefetch_related("approver__groups", "on_behalf_of__groups")
    verdicts = list(rows.order_by("created_at", "pk"))
    answered = answered_by(verdicts)
    people = people_for([step.group for step in steps], request.requester, request.target)
    given = {step.pk: tuple(verdict for verdict in verdicts if counts(verdict, step, request)) for step in steps}
    known = standings({person.pk for members in people.values() for person in members})
    now = stage_asked(steps, {pk: len(some) for pk, some in given.items()})
    return tuple(
        StepState(
            group=step.group,
            needed=step.needed,
            given=given[step.pk],
            people=tuple(person for person in people[step.group] if person.pk not in answered),
            step=step,
            is_now=step.stage == now,
            standings=known,
        )
        for step in steps
    )


def can_still_be_met(states: Iterable[StepState]) -> bool:
    """True while the people who have not answered could fill everything that is open."""
    every = tuple(states)
    needs = {state.group: state.open for state in every}
    return can_be_met(needs, {state.group: [one.pk for one in state.people] for state in every})


def stage_asked(steps: Iterable[ApprovalStep], given: Mapping[int, int]) -> int:
    """The first stage in which somebody is still needed; 0 when there is none. `given` counts by step."""
    return min((step.stage for step in steps if given.get(step.pk, 0) < step.needed), default=0)


def counts(verdict: Verdict, step: ApprovalStep, request: AccessRequest) -> bool:
    """True for an approval, in this step, of what is asked now.

    While nothing is decided, only of somebody who could still give it.
    """
    if verdict.step_id != step.pk or not verdict.is_approval or verdict.payload_hash != request.payload_hash:
        return False
    if request.state != RequestState.PENDING:
        return True
    return verdict.approver.is_active and voice_of_loaded(verdict.counted).can_fill(step.group, request)


def answered_by(verdicts: Iterable[Verdict]) -> frozenset[int]:
    """Who cannot answer any more: whoever did, and for whom somebody did. Together they are one."""
    every = tuple(verdicts)
    given = {verdict.approver_id for verdict in every} | {verdict.on_behalf_of_id for verdict in every}
    return frozenset(pk for pk in given if pk is not None)


def choose_step(voices: Sequence[Voice], states: Iterable[StepState]) -> tuple[StepState, Voice] | None:
    """The step of the stage asked now in which this answer counts, and for whom, so that all others can still be met.

    In own right where that will do. Whoever speaks and whom they speak for are used up by it, both.
    Raises: PolicyRefusal (needed-later) for the only one who could answer a later stage, while others can answer this.
    """
    every = tuple(states)
    actor = voices[0].person
    asked = [state for state in every if state.is_now and state.open]
    candidates = [(state, voice) for voice in voices for state in asked if _is_among(voice.person, state)]
    for candidate, voice in candidates:
        used = {actor.pk, voice.person.pk}
        needs = {state.group: state.open - (state is candidate) for state in every}
        others = {state.group: [one.pk for one in state.people if one.pk not in used] for state in every}
        if can_be_met(needs, others):
            return candidate, voice
    if candidates and can_still_be_met(every):
        raise PolicyRefusal(Reason.NEEDED_LATER)
    return candidates[0] if candidates else None


def _is_among(person: User, state: StepState) -> bool:
    return any(one.pk == person.pk for one in state.people)


def refusal_to_answer(voices: Sequence[Voice], request: AccessRequest) -> Reason | None:
    """None when this person may answer at all, in own right (the first voice) or for another who is asked.

    State, deadlines and stages are asked elsewhere.
    """
    actor = voices[0].person
    if not actor.is_person:
        return Reason.NOT_FOR_AGENTS
    if not actor.is_active:
        return Reason.ACCOUNT_LOCKED
    if actor.pk in refused_people(request.requester) or stood_behind(actor, request):
        return Reason.OWN_REQUEST
    if not any(voice.can_fill(step.group, request) for voice in voices for step in request.steps.all()):
        return Reason.NOT_AN_APPROVER
    return None

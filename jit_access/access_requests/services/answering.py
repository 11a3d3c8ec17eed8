"""Answers of people. The request's row lock puts them in order; the first decision stands and the others are told.

Who may answer, how fresh their proof is and what policy says is all looked up under that lock, at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from jit_access.access_requests import selectors
from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.drafts import clean_note
from jit_access.access_requests.models import AccessRequest, ApprovalStep, Verdict
from jit_access.access_requests.news import tell_approvers, tell_requester
from jit_access.access_requests.payloads import is_intact
from jit_access.access_requests.people import StepState, answered_by, choose_step, refusal_to_answer, step_states
from jit_access.access_requests.services.beside_locked import refuse_beside_locked, refuse_locked_givers, unlocked
from jit_access.access_requests.services.bundling import approve_or_hold
from jit_access.access_requests.services.deciding import ask_again_now, end_locked
from jit_access.access_requests.voices import Voice, voices_of
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.refusals import refusals_recorded
from jit_access.locks.selectors import ground_of_account, refuse_locked
from jit_access.mfa.assurance import NO_ASSURANCE, Assurance, check_fresh, check_strength


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person says to a request: to exactly what `payload_hash` stands for."""

    is_approval: bool
    note: str
    payload_hash: str
    assurance: Assurance | None  # None behind a button in a chat


def give_verdict(
    *,
    actor: User,
    request: AccessRequest,
    is_approval: bool,
    note: str,
    payload_hash: str,
    assurance: Assurance | None,
) -> AccessRequest:
    """Approve or deny. The answer's state says what came of it: pending still, approved, denied, or invalidated.

    The same answer of the same person again changes nothing. Without `assurance` (a button in a chat) only a denial
    counts: it can be asked for again, an approval cannot be taken back.
    Raises: PolicyRefusal (own-request, not-an-approver, not-for-agents, second-factor-…, passkey-needed); Conflict
    (already-decided with who decided, already-answered, answer-too-late, withdrawn, payload-changed).
    """
    answer = make_answer(is_approval=is_approval, note=note, payload_hash=payload_hash, assurance=assurance)
    with refusals_recorded(actor=actor.ref, kind="request.answer", request=request.public_id):
        expire_if_due(request)
        with audited(actor=actor.ref):
            locked = selectors.lock_request(request.pk)
            answer_locked(actor, locked, answer)
    return locked


def make_answer(*, is_approval: bool, note: str, payload_hash: str, assurance: Assurance | None) -> Answer:
    """Raises: CallerError for a note that is too long."""
    return Answer(is_approval, clean_note(note), payload_hash, assurance)


def answer_locked(actor: User, locked: AccessRequest, answer: Answer, *, stage: int | None = None) -> None:
    """What `give_verdict` does, with the request's row locked.

    `stage` is the actor's own where the stages before it agreed to more and are asked again (`narrowing`).
    """
    if _is_repeat(actor, locked, is_approval=answer.is_approval, payload_hash=answer.payload_hash):
        return
    _check_may_answer(actor, locked, answer.payload_hash)
    states = step_states(locked)
    asked = states if stage is None else tuple(replace(one, is_now=one.stage == stage) for one in states)
    state, voice = step_for(actor, locked, asked, is_approval=answer.is_approval)
    proved_at = _proof_for(answer, state.step)
    verdict = Verdict(
        request=locked,
        step=state.step,
        approver=actor,
        on_behalf_of=voice.person if voice.person.pk != actor.pk else None,
        is_approval=answer.is_approval,
        note=answer.note,
        payload_hash=answer.payload_hash,
        factor_proved_at=proved_at,
    )
    _take(verdict, locked, states)


def withdraw_request(*, actor: User, request: AccessRequest) -> AccessRequest:
    """Take back one's own request. A repeat changes nothing. Raises: NotFound; Conflict when it was decided."""
    with (
        refusals_recorded(actor=actor.ref, kind="request.withdraw", request=request.public_id),
        audited(actor=actor.ref),
    ):
        locked = selectors.lock_request(request.pk)
        if actor.pk not in {locked.requester_id, locked.requester.owner_id}:
            raise NotFound
        if locked.state == RequestState.WITHDRAWN:
            return locked
        refuse_decided(locked)
        end_locked(locked, RequestState.WITHDRAWN, Reason.WITHDRAWN, actor=actor.ref)
    return locked


def expire_if_due(request: AccessRequest) -> bool:
    """End a request whose time to answer is over, in a transaction of its own: a late beat must not approve it."""
    with audited(actor=GATEWAY):
        locked = selectors.lock_request(request.pk)
        if locked.state != RequestState.PENDING or clock.now() < locked.answer_by:
            return False
        end_locked(locked, RequestState.EXPIRED, Reason.ANSWER_TOO_LATE)
        tell_requester(locked)
    return True


def _is_repeat(actor: User, request: AccessRequest, *, is_approval: bool, payload_hash: str) -> bool:
    given = request.verdicts.filter(Q(approver=actor) | Q(on_behalf_of=actor)).select_related("approver").first()
    if given is None:
        return False
    if given.approver_id != actor.pk:
        refuse_decided(request)
        raise Conflict(Reason.ALREADY_ANSWERED, f"{given.approver.display_name} answered this for you.")
    if given.is_approval == is_approval and given.payload_hash == payload_hash:
        return True
    refuse_decided(request)
    raise Conflict(Reason.ALREADY_ANSWERED)


def _check_may_answer(actor: User, request: AccessRequest, payload_hash: str) -> None:
    if (refusal := refusal_to_answer(voices_of(actor), request)) is not None:
        raise PolicyRefusal(refusal)
    refuse_locked(ground_of_account(actor))
    refuse_decided(request)
    if payload_hash != request.payload_hash or not is_intact(request):
        raise Conflict(Reason.PAYLOAD_CHANGED)


def refuse_decided(request: AccessRequest) -> None:
    """Raises: Conflict (already-decided with who decided, withdrawn, answer-too-late) unless it is open."""
    if request.state == RequestState.PENDING:
        return
    if request.state == RequestState.WITHDRAWN:
        raise Conflict(Reason.WITHDRAWN)
    if request.state == RequestState.EXPIRED:
        raise Conflict(Reason.ANSWER_TOO_LATE)
    names = selectors.decided_by(request)
    who = f" by {', '.join(names)}" if names else ""
    raise Conflict(
        Reason.ALREADY_DECIDED,
        f"This request was {request.state} already{who}.",
        state=request.state,
        by=", ".join(names),
    )


def step_for(
    actor: User, request: AccessRequest, states: tuple[StepState, ...], *, is_approval: bool
) -> tuple[StepState, Voice]:
    """Where this answer counts, and for whom. Nobody answers ahead of their stage.

    A denial counts wherever the person was asked already, or whom they stand in for.
    """
    answered = answered_by(request.verdicts.all())
    every_voice = tuple(
        voice for voice in voices_of(actor) if voice.person.pk not in answered or voice.person.pk == actor.pk
    )
    voices = unlocked(every_voice)
    refuse_locked_givers(every_voice, voices, request)
    mine = [(state, voice) for voice in voices for state in states if voice.can_fill(state.group, request)]
    every = max((state.stage for state in states), default=0)
    asked = max((state.stage for state in states if state.is_now), default=every)  # all of them, where all agreed
    within = [one for one in mine if one[0].stage <= asked]
    if mine and not within:
        raise PolicyRefusal(Reason.NOT_YET_ASKED)
    # In own right first, and in the latest stage that was asked.
    latest = min(within, key=lambda one: (one[1] is not voices[0], -one[0].stage), default=None)
    found = choose_step(voices, states) if is_approval else latest
    if found is None:
        raise PolicyRefusal(Reason.NOT_AN_APPROVER, "The people of your group have agreed already; others are asked.")
    return found


def _proof_for(answer: Answer, step: ApprovalStep) -> datetime | None:
    if answer.assurance is None and not answer.is_approval:
        return None
    proof = answer.assurance or NO_ASSURANCE
    check_fresh(proof, max_age_s=step.approver_factor_max_age_s)
    if answer.is_approval:
        check_strength(proof, level=step.approver_level)
    return proof.proved_at


def _take(verdict: Verdict, request: AccessRequest, states: tuple[StepState, ...]) -> None:
    ref = verdict.approver.ref
    with audited(actor=ref) as audit:
        verdict.save()
        audit.record(
            "verdict.given",
            decision="allow" if verdict.is_approval else "deny",
            reason=Reason.APPROVED if verdict.is_approval else Reason.DENIED_BY_PERSON,
            request=request.public_id,
            target=request.target.slug,
            detail=_described(verdict),
        )
        if not verdict.is_approval:
            end_locked(request, RequestState.DENIED, Reason.DENIED_BY_PERSON, actor=ref, note=verdict.note)
        else:
            _take_approval(request, verdict, states)
        tell_requester(request)


def _described(verdict: Verdict) -> dict[str, str | int | bool]:
    """What the log keeps of an answer; `account` is for whom a stand-in gave it."""
    told: dict[str, str | int | bool] = {
        "group": verdict.step.group,
        "stage": verdict.step.stage,
        "payload": verdict.payload_hash,
        "note": verdict.note,
    }
    return told if verdict.on_behalf_of is None else told | {"account": verdict.on_behalf_of.public_id}


def _take_approval(request: AccessRequest, verdict: Verdict, states: tuple[StepState, ...]) -> None:
    """Everything is asked again now: who asked may have lost the group, the rules may have changed."""
    answer, invalid = ask_again_now(request)
    left = [state for state in states if state.open - (state.step.pk == verdict.step_id)]
    if invalid is not None:
        end_locked(request, RequestState.INVALIDATED, invalid)
    elif not left:
        refuse_beside_locked(states)
        approve_or_hold(request, answer, Reason.APPROVED, actor=verdict.approver.ref)
    else:
        if min(state.stage for state in left) > verdict.step.stage:
            tell_approvers(request)
        announce(request, Change.ANSWERED)

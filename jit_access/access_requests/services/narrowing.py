"""An approver agrees to less than was asked, in one step: the request shrinks and their approval of it counts.

There is no narrowing without an approval, so nobody can shrink a request and walk away. Whoever agreed to more before
is asked again: they signed another payload, and less of it can be something else (ADR 0024).
"""

from __future__ import annotations

from django.db.models import Q

from jit_access.access_requests import selectors
from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.less import Offer, taken_away
from jit_access.access_requests.models import AccessRequest, Narrowing
from jit_access.access_requests.narrowing_news import tell_asked_again, tell_narrowed
from jit_access.access_requests.people import refusal_to_answer, step_states
from jit_access.access_requests.services.answering import (
    Answer,
    answer_locked,
    expire_if_due,
    give_verdict,
    refuse_decided,
    step_for,
)
from jit_access.access_requests.services.bundling import hold_no_more
from jit_access.access_requests.services.offering import offered_request
from jit_access.access_requests.voices import voices_of
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.refusals import refusals_recorded

MAX_TAKEN_CHARS = 400  # of the record; the stored narrowing has all of it


def give(*, actor: User, request: AccessRequest, answer: Answer, offer: Offer | None = None) -> AccessRequest:
    """Answer what was asked, or approve less of it. Raises: as `give_verdict` and `approve_less`."""
    if offer is not None and answer.is_approval:
        return approve_less(actor=actor, request=request, offer=offer, answer=answer)
    return give_verdict(
        actor=actor,
        request=request,
        is_approval=answer.is_approval,
        note=answer.note,
        payload_hash=answer.payload_hash,
        assurance=answer.assurance,
    )


def preview_offer(*, actor: User, request: AccessRequest, offer: Offer) -> AccessRequest:
    """What would be signed for less, for somebody who may answer. Changes nothing.

    Raises: PolicyRefusal (not-an-approver, own-request, what policy says); Conflict when it is decided; CallerError.
    """
    _check_may_offer(actor, request)
    if clock.now() >= request.answer_by:
        raise Conflict(Reason.ANSWER_TOO_LATE)
    return offered_request(request, offer)


def approve_less(*, actor: User, request: AccessRequest, offer: Offer, answer: Answer) -> AccessRequest:
    """Take something away and approve the rest, which is exactly what `answer.payload_hash` stands for.

    The same answer again changes nothing.
    Raises: as `give_verdict`; CallerError (wider-than-asked); PolicyRefusal with what policy says to less.
    """
    with refusals_recorded(actor=actor.ref, kind="request.answer", request=request.public_id):
        expire_if_due(request)
        with audited(actor=actor.ref):
            locked = selectors.lock_request(request.pk)
            stage = None
            if not _is_done(actor, locked, answer):
                _check_may_offer(actor, locked)
                # Earlier stages are asked again for less; this answer to it is given in its own stage all the same.
                stage = step_for(actor, locked, step_states(locked), is_approval=False)[0].stage
                _narrow(actor, locked, offered_request(locked, offer), answer)
            answer_locked(actor, locked, answer, stage=stage)
            if locked.state == RequestState.PENDING:
                tell_narrowed(locked)
    return locked


def _is_done(actor: User, request: AccessRequest, answer: Answer) -> bool:
    return request.verdicts.filter(approver=actor, payload_hash=answer.payload_hash, is_approval=True).exists()


def _check_may_offer(actor: User, request: AccessRequest) -> None:
    if (refusal := refusal_to_answer(voices_of(actor), request)) is not None:
        raise PolicyRefusal(refusal)
    refuse_decided(request)
    if request.verdicts.filter(Q(approver=actor) | Q(on_behalf_of=actor)).exists():
        raise Conflict(Reason.ALREADY_ANSWERED)


def _narrow(actor: User, request: AccessRequest, wanted: AccessRequest, answer: Answer) -> None:
    if wanted.payload_hash != answer.payload_hash:
        raise Conflict(Reason.PAYLOAD_CHANGED)
    with audited(actor=actor.ref) as audit:
        narrowing = Narrowing.objects.create(
            request=request,
            approver=actor,
            was_scope=request.scope,
            was_lasts_s=request.lasts_s,
            was_hash=request.payload_hash,
            now_scope=wanted.scope,
            now_lasts_s=wanted.lasts_s,
            now_hash=wanted.payload_hash,
        )
        _take_over(request, wanted)
        audit.record(
            "request.narrowed",
            reason=Reason.NARROWED,
            request=request.public_id,
            target=request.target.slug,
            rule=", ".join(request.rules)[:200],
            detail={
                "payload": narrowing.now_hash,
                "was": narrowing.was_hash,
                "taken": "; ".join(taken_away(narrowing))[:MAX_TAKEN_CHARS],
            },
        )
        _void_verdicts(request)
        announce(request, Change.NARROWED)


def _take_over(request: AccessRequest, wanted: AccessRequest) -> None:
    columns = ("scope", "lasts_s", "payload", "payload_hash", "policy_version", "rules", "risk", "risk_reasons")
    for column in columns:
        setattr(request, column, getattr(wanted, column))
    request.save(update_fields=columns)


def _void_verdicts(request: AccessRequest) -> None:
    """What others agreed to is not asked any more. They are asked for this."""
    with audited(actor=GATEWAY) as audit:
        for verdict in request.verdicts.select_related("approver", "step").order_by("pk"):
            audit.record(
                "verdict.voided",
                reason=Reason.NARROWED,
                request=request.public_id,
                target=request.target.slug,
                detail={"account": verdict.approver.public_id, "group": verdict.step.group},
            )
            tell_asked_again(request, verdict.approver)
            verdict.delete()
    hold_no_more(request)

"""Requests that are decided together. With *all or nothing* nothing is granted before everybody agreed to all of it.

What is agreed on first is held: still pending, so that it expires, is denied and is withdrawn as any other. The last
agreement asks policy about all of it once more and makes every grant in one transaction, or none (ConsoleMe keeps a
status per change and resumes; JIT Groups adds some of it and rolls nothing back: anchors 3.2 no. 28).
"""

from __future__ import annotations

from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.models import AccessRequest, Bundle
from jit_access.access_requests.news import tell_requester
from jit_access.access_requests.people import step_states
from jit_access.access_requests.selectors import lock_request
from jit_access.access_requests.services.beside_locked import refuse_beside_locked
from jit_access.access_requests.services.deciding import approve_locked, ask_again_now, end_locked
from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import PolicyAnswer


def approve_or_hold(request: AccessRequest, answer: PolicyAnswer, reason: Reason, *, actor: ActorRef = GATEWAY) -> None:
    """The last agreement to a locked request: its grant, or its place among those that wait for the rest."""
    if request.bundle is None or not request.bundle.is_all_or_nothing:
        approve_locked(request, answer, reason, actor=actor)
        return
    with audited(actor=actor) as audit:
        request.agreed_reason = reason
        request.save(update_fields=["agreed_reason"])
        audit.record(
            "request.agreed",
            reason=Reason.BUNDLE_HELD,
            request=request.public_id,
            target=request.target.slug,
            rule=answer.decision.rule,
            detail={"bundle": request.bundle.public_id},
        )
        _release(request, request.bundle, actor)
        if request.state == RequestState.PENDING:
            announce(request, Change.ANSWERED)


def hold_no_more(request: AccessRequest) -> None:
    """An approval of it was taken back: what stood on that stands no more."""
    if request.agreed_reason:
        request.agreed_reason = ""
        request.save(update_fields=["agreed_reason"])


def _release(last: AccessRequest, bundle: Bundle, actor: ActorRef) -> None:
    """Grant everything when everything is agreed on. The bundle is locked."""
    rest = [lock_request(pk) for pk in bundle.requests.exclude(pk=last.pk).order_by("pk").values_list("pk", flat=True)]
    parts = [*rest, last]
    if len(parts) < bundle.size or not all(_is_held(part) for part in parts):
        return
    for part in rest:
        refuse_beside_locked(step_states(part))  # of the last one whoever answers it asks
    answers = [ask_again_now(part) for part in parts]
    for part, (_, refusal) in zip(parts, answers, strict=True):
        if refusal is not None:  # the others end with it
            end_locked(part, RequestState.INVALIDATED, refusal)
            last.refresh_from_db()
            return
    for part, (answer, _) in zip(parts, answers, strict=True):
        approve_locked(part, answer, Reason(part.agreed_reason), actor=actor)
        if part is not last:  # of the last one whoever asked for the release tells
            tell_requester(part)


def _is_held(request: AccessRequest) -> bool:
    return request.state == RequestState.PENDING and bool(request.agreed_reason)

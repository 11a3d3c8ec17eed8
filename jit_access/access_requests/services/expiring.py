"""What time and lost groups do to open requests: they end, or an approval that was given stands no more."""

from __future__ import annotations

from django.db.models import Q

from jit_access.access_requests import selectors
from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.access_requests.news import tell_requester
from jit_access.access_requests.services.answering import expire_if_due
from jit_access.access_requests.services.bundling import hold_no_more
from jit_access.access_requests.services.deciding import ask_again_now, end_locked
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.access import group_names

BATCH = 500


def expire_due_requests() -> int:
    """Write down which requests nobody answered in time. Safe to run twice; each is its own transaction."""
    due = AccessRequest.objects.filter(state=RequestState.PENDING, answer_by__lte=clock.now())
    return sum(expire_if_due(request) for request in due.order_by("answer_by", "pk")[:BATCH])


def invalidate_requests_of(user: User, reason: Reason) -> None:
    """An account lost something: requests that it could not make now are over, in the same transaction."""
    theirs = Q(requester=user) | Q(requester__owner=user)
    with audited(actor=GATEWAY):
        for pk in (
            AccessRequest.objects.filter(theirs, state=RequestState.PENDING).order_by("pk").values_list("pk", flat=True)
        ):
            request = selectors.lock_request(pk)
            if request.state != RequestState.PENDING:
                continue
            _, invalid = ask_again_now(request)
            if invalid is not None:
                end_locked(request, RequestState.INVALIDATED, reason)
                tell_requester(request)


def void_verdicts_of(user: User, reason: Reason) -> None:
    """An approval given by somebody who could not give it now is taken back, and may be given anew by who can."""
    groups = group_names(user) if user.is_active else frozenset()
    given = Verdict.objects.filter(approver=user, is_approval=True, request__state=RequestState.PENDING)
    with audited(actor=GATEWAY) as audit:
        for verdict in given.exclude(step__group__in=groups).order_by("request_id"):
            request = selectors.lock_request(verdict.request_id)
            if request.state != RequestState.PENDING:
                continue
            audit.record(
                "verdict.voided",
                reason=reason,
                request=request.public_id,
                target=request.target.slug,
                detail={"account": user.public_id, "group": verdict.step.group},
            )
            verdict.delete()
            hold_no_more(request)
            announce(request, Change.VOIDED)

"""What time and lost rights do to open requests: they end. What they do to approvals is in `voiding`."""

from __future__ import annotations

from django.db.models import Q

from jit_access.access_requests import selectors
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.news import tell_requester
from jit_access.access_requests.services.answering import expire_if_due
from jit_access.access_requests.services.deciding import ask_again_now, end_locked
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason

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

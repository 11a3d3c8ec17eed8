"""Requests of an account that somebody else may have spoken for: nobody shall answer what its holder never asked."""

from __future__ import annotations

from jit_access.access_requests import selectors
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.news import tell_requester
from jit_access.access_requests.services.deciding import end_locked
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason


def end_requests_of(user: User, reason: Reason) -> None:
    """All that is open of this account is over, in the transaction that says why."""
    open_ones = AccessRequest.objects.filter(requester=user, state=RequestState.PENDING).order_by("pk")
    with audited(actor=GATEWAY):
        for pk in open_ones.values_list("pk", flat=True):
            request = selectors.lock_request(pk)
            if request.state == RequestState.PENDING:
                end_locked(request, RequestState.INVALIDATED, reason)
                tell_requester(request)

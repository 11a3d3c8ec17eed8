"""A person was signed out by their identity provider: what they had started in those sessions ends with them."""

from __future__ import annotations

from django.db.models import Q

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.models import Grant
from jit_access.grants.services.ending import Ending, close_grant

_OPEN = (GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED)


def end_with_sessions(user: User, session_ids: frozenset[str] | None) -> None:
    """End the grants that were started in these sessions, or, with None, all that the person holds open.

    Runs in the transaction in which the sessions end. What agents hold goes on: they never were signed in.
    """
    started = Q() if session_ids is None else Q(started_in__in=session_ids)
    states = (*_OPEN, GrantState.SCHEDULED) if session_ids is None else _OPEN
    theirs = Grant.objects.filter(started, subject=user, state__in=states)
    with audited(actor=GATEWAY):
        for pk in theirs.order_by("pk").values_list("pk", flat=True):
            close_grant(selectors.lock_grant(pk), Ending(Reason.SIGNED_OUT_EVERYWHERE))

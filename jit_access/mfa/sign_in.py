"""Name and password. The answer is the same for a wrong password, an unknown name, a locked account and a machine.

django-axes counts failures per folded name, for unknown names too. A lock-out keeps out new sign-ins only; sessions
that are open already stay usable, so nobody can be thrown out by somebody else's typing.
"""

from __future__ import annotations

from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth import authenticate
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.accounts.names import fold_name
from jit_access.accounts.selectors import find_by_name
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason

_PASSWORD_CHARS_MAX = 1024


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Check name and password; begins no session (`start_session` does).

    Raises: PolicyRefusal (sign-in-failed, sign-in-locked), recorded without what was typed: people type passwords
    into the field for the name.
    """
    name = fold_name(username)
    user = authenticate(request, username=name, password=password[:_PASSWORD_CHARS_MAX])
    # Asked again after the slow hash: of many parallel guesses, those beyond the limit are refused, right or not.
    is_locked = AxesProxyHandler.is_locked(request, {"username": name})
    # Its middleware would replace our page by a text of its own.
    request.axes_locked_out = False  # type: ignore[attr-defined]  # set and read by django-axes
    if is_locked:
        raise _refusal(request, name, Reason.SIGN_IN_LOCKED)
    if not isinstance(user, User) or not user.is_person:
        raise _refusal(request, name, Reason.SIGN_IN_FAILED)
    with audited(actor=user.ref) as audit:
        audit.record("sign-in.password-accepted", decision="allow", address=client_address(request))
    return user


def client_address(request: HttpRequest) -> str:
    """The peer of the connection. Headers that a client can write are not evidence."""
    return str(request.META.get("REMOTE_ADDR", ""))


def _refusal(request: HttpRequest, name: str, reason: Reason) -> PolicyRefusal:
    aimed_at = find_by_name(name)
    record_refusal(
        actor=NOBODY,
        kind="sign-in.refused",
        reason=reason,
        address=client_address(request),
        detail={"account": aimed_at.public_id if aimed_at is not None else ""},
    )
    return PolicyRefusal(reason)

"""Name and password. The answer is the same for a wrong password, an unknown name, a locked account and a machine.

Failures count per folded name and network, for unknown names too; see `guessing` for what a stranger can and cannot
use up. A lock-out keeps out new sign-ins only; sessions that are open already stay usable.
"""

from __future__ import annotations

import time

from django.contrib.auth import authenticate
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.accounts.names import fold_name
from jit_access.accounts.selectors import find_by_name
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.recorder import audited
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from jit_access.domain.tally import Tally
from jit_access.mfa import guessing
from jit_access.mfa.devices import known_device
from jit_access.mfa.presence import lock_refusal

PASSWORD_CHARS_MAX = 1024
# Each try costs a slow hash. Per network and process: a brake, where the count per name is the guard.
_FAILURES_A_MINUTE = 60
_failures = Tally()


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Check name and password; begins no session (`start_session` does).

    Raises: PolicyRefusal (sign-in-failed, sign-in-locked, rate-limited), recorded without what was typed: people
    type passwords into the field for the name.
    """
    name, network = fold_name(username), network_of(client_address(request))
    aimed_at = find_by_name(name)
    if _failures.count(network, now=time.monotonic()) >= _FAILURES_A_MINUTE:
        raise _refusal(request, aimed_at, Reason.RATE_LIMITED)
    device = known_device(request, aimed_at) if aimed_at is not None else ""
    if device:
        guessing.count_by_device(request, device)
    elif guessing.are_strangers_locked(name):
        raise _refusal(request, aimed_at, Reason.SIGN_IN_LOCKED)
    user = authenticate(request, username=name, password=password[:PASSWORD_CHARS_MAX])
    # Asked again after the slow hash: of many parallel guesses, those beyond the limit are refused, right or not.
    if guessing.is_locked(request, name) or (not device and guessing.are_strangers_locked(name)):
        raise _refusal(request, aimed_at, Reason.SIGN_IN_LOCKED)
    if not isinstance(user, User) or not user.is_person:
        raise _refusal(request, aimed_at, Reason.SIGN_IN_FAILED)
    if lock_refusal(request, user) is not None:
        # Told like a wrong password, as for an account that is locked for good; the log knows better.
        raise _refusal(request, aimed_at, Reason.SIGN_IN_FAILED, because=Reason.LOCKED)
    with audited(actor=user.ref) as audit:
        audit.record(
            "sign-in.password-accepted",
            decision="allow",
            address=client_address(request),
            detail={"is_known_device": bool(device)},
        )
    return user


def client_address(request: HttpRequest) -> str:
    """The peer of the connection. Headers that a client can write are not evidence."""
    return str(request.META.get("REMOTE_ADDR", ""))


def forget_failures() -> None:
    """Begin anew; for tests."""
    _failures.forget()


def _refusal(
    request: HttpRequest, aimed_at: User | None, reason: Reason, *, because: Reason | None = None
) -> PolicyRefusal:
    address = client_address(request)
    _failures.add(network_of(address), now=time.monotonic())
    record_outside_refusal(
        actor=NOBODY,
        kind="sign-in.refused",
        reason=because or reason,
        address=address,
        detail={"account": aimed_at.public_id if aimed_at is not None else ""},
    )
    return PolicyRefusal(reason)

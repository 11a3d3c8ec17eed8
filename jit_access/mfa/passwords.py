"""A person's own password: changed by somebody who knows the old one and has just shown the second factor.

Whoever finds an unlocked browser has neither. Guesses at the old password count like guesses at the sign-in.
"""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.accounts.services import change_password
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import guessing
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh, signed_in_user
from jit_access.mfa.sessions import carry_session
from jit_access.mfa.sign_in import PASSWORD_CHARS_MAX
from jit_access.notifications.services import tell

_WRONG = "That is not your current password."


def change_own_password(request: HttpRequest, *, current: str, new: str) -> None:
    """Set a new password; this session goes on, every other one ends, and the person is told.

    Raises: PolicyRefusal (second-factor-missing, -stale; sign-in-failed for a wrong current password, sign-in-locked),
    recorded; CallerError with `field` when the new one cannot be used.
    """
    user = signed_in_user(request)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    _check_current(request, user, current)
    if new == current:
        raise CallerError(Reason.INVALID_INPUT, "That is the password you have. Choose another one.", field="password")
    set_password(actor=user.ref, user=user, password=new)
    carry_session(request, user)


def _check_current(request: HttpRequest, user: User, current: str) -> None:
    guessing.count_by_device(request, guessing.own_bucket(user))
    found = authenticate(request, username=user.username, password=current[:PASSWORD_CHARS_MAX])
    reason = Reason.SIGN_IN_LOCKED if guessing.is_locked(request, user.username) else None
    if reason is None and found != user:
        reason = Reason.SIGN_IN_FAILED
    if reason is not None:
        record_refusal(actor=user.ref, kind="account.password-refused", reason=reason)
        raise PolicyRefusal(reason, _WRONG if reason is Reason.SIGN_IN_FAILED else "")


def set_password(*, actor: ActorRef, user: User, password: str) -> None:
    """Set a password, end every session and tell the person. Callers have checked who asks. Raises: CallerError."""
    with audited(actor=actor):
        change_password(actor=actor, user=user, password=password)
        tell(
            user,
            kind="account.password-changed",
            subject="Your password was changed",
            text="Every other session of yours was ended.\nIf this was not you, tell the security team now.",
            path="/settings",
            dedupe_key=f"password:{user.public_id}:{user.session_epoch}",
        )

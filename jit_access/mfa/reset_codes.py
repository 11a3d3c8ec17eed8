"""The code that somebody needs besides the password when their factors were reset. Used once, by one session."""

from __future__ import annotations

import hashlib
import hmac
from typing import NoReturn

from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import attempts, recovery
from jit_access.mfa.assurance import signed_in_user
from jit_access.mfa.models import FactorReset
from jit_access.mfa.session_keys import RESET


def needs_code(request: HttpRequest, user: User) -> bool:
    """True while a new factor is set up after a reset, and this session has not shown the code."""
    waiting = _waiting(user)
    return waiting is not None and request.session.get(RESET) != waiting.public_id


def redeem_code(request: HttpRequest, *, code: str) -> None:
    """The code of the colleague: this session may set up a factor. A try counts like any guess at a factor.

    Raises: PolicyRefusal (reset-code-wrong, second-factor-locked), recorded.
    """
    user = signed_in_user(request)
    attempt = attempts.count_attempt(user)
    waiting = _waiting(user)
    shown = hash_of(recovery.fold_code(code))
    if waiting is None or attempt.now >= (waiting.code_until or attempt.now):
        _refuse(user)
    if not hmac.compare_digest(waiting.code_hash, shown):
        _refuse(user)
    attempts.mark_right(attempt)
    with audited(actor=user.ref) as audit:
        # Emptied by the one session that used it: a second one would be somebody else's.
        if FactorReset.objects.filter(pk=waiting.pk, code_hash=shown).update(code_hash="") != 1:
            raise PolicyRefusal(Reason.RESET_CODE_WRONG)
        audit.record("factor-reset.code-used", detail={"reset": waiting.public_id, "account": user.public_id})
    request.session[RESET] = waiting.public_id


def close_reset(user: User) -> None:
    """A new factor is set up: the reset is done. Called in the transaction that stores the factor."""
    FactorReset.objects.filter(user=user, ended_at=None).exclude(confirmed_at=None).update(
        ended_at=clock.now(), outcome="done"
    )


def _waiting(user: User) -> FactorReset | None:
    return FactorReset.objects.filter(user=user, ended_at=None).exclude(confirmed_at=None).order_by("-pk").first()


def hash_of(code: str) -> str:
    """How a code is stored: 75 random bits need no slow hash."""
    return hashlib.sha256(f"factor-reset:{code}".encode()).hexdigest()


def _refuse(user: User) -> NoReturn:
    record_refusal(
        actor=user.ref,
        kind="factor-reset.refused",
        reason=Reason.RESET_CODE_WRONG,
        detail={"account": user.public_id},
    )
    raise PolicyRefusal(Reason.RESET_CODE_WRONG)

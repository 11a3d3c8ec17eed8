"""Proving a second factor: the one way a code is evaluated, whichever page or endpoint it came through.

Count the try, evaluate it, use it up, record it. Each try is refused, right, wrong, or right but used before.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NoReturn

from jit_access.accounts.models import User
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core.secret import Secret
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import attempts, recovery, totp
from jit_access.mfa.attempts import Attempt
from jit_access.mfa.models import RecoveryCode
from jit_access.notifications.services import tell


class Method(StrEnum):
    TOTP = "totp"
    RECOVERY_CODE = "recovery-code"
    PASSKEY = "passkey"


def prove_code(*, user: User, code: str, address: str = "") -> Method:
    """Accept a current code of the person's app, or an unused recovery code. Must not run inside a transaction.

    Raises: PolicyRefusal with second-factor-missing (nothing is set up), -wrong (with `tries_left`), -reused or
    -locked, or account-locked. Each refusal is recorded.
    """
    try:
        secret = totp.device_secret(user)
        if secret is None:
            raise PolicyRefusal(Reason.SECOND_FACTOR_MISSING)
        attempt = attempts.count_attempt(user)
        return _evaluate(user, secret, code, attempt)
    except PolicyRefusal as refusal:
        record_outside_refusal(actor=user.ref, kind="second-factor.refused", reason=refusal.reason, address=address)
        raise


def prove_new_secret(*, user: User, secret: Secret, code: str) -> int:
    """Does this code belong to a secret that is being set up? Returns its time step. Counts as a try.

    Raises: PolicyRefusal as `prove_code`.
    """
    try:
        attempt = attempts.count_attempt(user)
        step = totp.match_step(secret, code.replace(" ", ""), now=attempt.now)
        if step is None:
            _refuse_wrong(user, attempt)
    except PolicyRefusal as refusal:
        record_refusal(actor=user.ref, kind="second-factor.set-up-refused", reason=refusal.reason)
        raise
    attempts.mark_right(attempt)
    return step


def _evaluate(user: User, secret: Secret, code: str, attempt: Attempt) -> Method:
    digits, letters = code.replace(" ", ""), recovery.fold_code(code)
    if totp.is_code_shaped(digits):
        step = totp.match_step(secret, digits, now=attempt.now)
        if step is not None:
            return _accept_step(user, step, attempt)
    elif recovery.is_code_shaped(letters):
        row = recovery.find_code(user, letters)
        if row is not None:
            return _accept_recovery(user, row, attempt)
    return _refuse_wrong(user, attempt)


def _accept_step(user: User, step: int, attempt: Attempt) -> Method:
    with audited(actor=user.ref) as audit:
        if not totp.use_step(user, step):
            raise PolicyRefusal(Reason.SECOND_FACTOR_REUSED, tries_left=attempt.tries_left)
        attempts.mark_right(attempt)
        audit.record("second-factor.proved", decision="allow", detail={"method": Method.TOTP})
    return Method.TOTP


def _accept_recovery(user: User, row: RecoveryCode, attempt: Attempt) -> Method:
    with audited(actor=user.ref) as audit:
        if not recovery.use_code(row, now=attempt.now):
            raise PolicyRefusal(Reason.SECOND_FACTOR_REUSED, tries_left=attempt.tries_left)
        attempts.mark_right(attempt)
        left = recovery.count_unused(user)
        audit.record("second-factor.proved", decision="allow", detail={"method": Method.RECOVERY_CODE, "left": left})
        tell(
            user,
            kind="second-factor.recovery-used",
            subject="A recovery code opened your account",
            text=f"{left} recovery codes are left.\n"
            "If this was not you, end all sessions, change your password and tell the security team.",
            path="/settings",
            dedupe_key=f"recovery-used:{row.pk}",
        )
    return Method.RECOVERY_CODE


def _refuse_wrong(user: User, attempt: Attempt) -> NoReturn:
    if attempt.tries_left == 0:
        attempts.raise_alarm(user, attempt)
    raise PolicyRefusal(Reason.SECOND_FACTOR_WRONG, tries_left=attempt.tries_left)

"""How many codes were tried for an account. The count is the account's: no name, address or session starts a new one.

An attempt is counted before it is evaluated and in a transaction of its own, so neither a crash nor a rollback
nor twenty parallel requests can buy an uncounted guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.models import FactorAttempt
from jit_access.notifications.services import tell

LIMIT: Final = 10
WINDOW: Final = timedelta(minutes=15)
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counted try. `tries_left` is after this one."""

    row_id: int
    now: datetime
    tries_left: int


def count_attempt(user: User) -> Attempt:
    """Count one try. Must not run inside another transaction.

    Raises: PolicyRefusal (second-factor-locked, account-locked); then nothing may be evaluated.
    """
    with transaction.atomic(durable=True):
        locked = User.objects.select_for_update().get(pk=user.pk)
        now = clock.now()
        if not locked.is_active:
            raise PolicyRefusal(Reason.ACCOUNT_LOCKED)
        FactorAttempt.objects.filter(user=locked, at__lte=now - _KEPT).delete()
        recent = FactorAttempt.objects.filter(user=locked, at__gt=now - WINDOW).count()
        if recent >= LIMIT:
            raise PolicyRefusal(Reason.SECOND_FACTOR_LOCKED)
        row = FactorAttempt.objects.create(user=locked, at=now, is_right=False)
    return Attempt(row.pk, now, LIMIT - recent - 1)


def mark_right(attempt: Attempt) -> None:
    """Remember that this try was right. It still counts: ten evaluated codes are ten evaluated codes."""
    FactorAttempt.objects.filter(pk=attempt.row_id).update(is_right=True)


def raise_alarm(user: User, attempt: Attempt) -> None:
    """The last try was wrong too: somebody is guessing. The log and the person learn it once per lock."""
    with audited(actor=user.ref) as audit:
        audit.record(
            "second-factor.alarm",
            reason=Reason.SECOND_FACTOR_LOCKED,
            detail={"account": user.public_id, "tries": LIMIT, "window_s": int(WINDOW.total_seconds())},
        )
        tell(
            user,
            kind="second-factor.alarm",
            subject=f"{LIMIT} codes were tried for your account",
            text="Somebody who knows your password may be guessing codes. Codes are refused for 15 minutes.\n"
            "If this was not you, change your password and tell the security team.",
            path="/settings",
            dedupe_key=f"second-factor-alarm:{attempt.row_id}",
        )

"""Recovery codes: ten, shown once, each good for one proof on the day the phone is lost.

A code is 15 base32 letters. The first names its slot, so that one try costs one hash however many codes there are;
the other 14 carry 70 bits.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from django.contrib.auth.hashers import check_password, make_password

from jit_access.accounts.models import User
from jit_access.mfa.models import RecoveryCode

COUNT: Final = 10
CHARS: Final = 15
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
# Read from paper: 0, 1 and 8 are not in the alphabet, so they can only be these.
_MISREAD: Final = str.maketrans({"0": "o", "1": "l", "8": "b", "-": None, " ": None})


def fold_code(typed: str) -> str:
    """A code as it is stored, from how people type it."""
    return typed.strip().lower().translate(_MISREAD)


def is_code_shaped(code: str) -> bool:
    return len(code) == CHARS and all(letter in _ALPHABET for letter in code)


def replace_codes(user: User) -> tuple[str, ...]:
    """Forget all codes of this person and make ten new ones. The texts exist only in what is returned."""
    slots = secrets.SystemRandom().sample(_ALPHABET, COUNT)
    codes = [slot + "".join(secrets.choice(_ALPHABET) for _ in range(CHARS - 1)) for slot in slots]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, slot=code[0], code_hash=make_password(code)) for code in codes
    )
    return tuple(f"{code[:5]}-{code[5:10]}-{code[10:]}" for code in codes)


def find_code(user: User, code: str) -> RecoveryCode | None:
    """The row of this code, used or not. Costs one hash also when there is none."""
    row = RecoveryCode.objects.filter(user=user, slot=code[0]).first()
    if row is None:
        make_password(code)
        return None
    return row if check_password(code, row.code_hash) else None


def use_code(row: RecoveryCode, *, now: datetime) -> bool:
    """True for the first use. The conditional update decides between parallel ones."""
    return RecoveryCode.objects.filter(pk=row.pk, used_at__isnull=True).update(used_at=now) == 1


def count_unused(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()

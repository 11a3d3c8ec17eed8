"""Time-based codes of an authenticator app. The mathematics is pyotp's; that a code counts once is ours.

Source: RFC 6238 5.2 (one step of tolerance each way, never accept a code twice); NIST SP 800-63B-4 3.1.4.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyotp
from django.db import IntegrityError, transaction

from jit_access.accounts.models import User
from jit_access.core.sealing import open_secret, seal
from jit_access.core.secret import Secret
from jit_access.mfa.models import TotpDevice, UsedTimestep

ISSUER: Final = "jit access"
STEP_S: Final = 30
DIGITS: Final = 6
WINDOW_STEPS: Final = (0, -1, 1)
_FORGET_AFTER_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new secret, for the one page that shows it. `uri` is what the QR code holds."""

    secret: Secret
    uri: Secret


def new_enrolment(user: User) -> Enrolment:
    """A fresh random secret of 160 bits."""
    return enrolment_of(user, Secret(pyotp.random_base32(32)))


def enrolment_of(user: User, secret: Secret) -> Enrolment:
    """The same secret with its address for authenticator apps."""
    return Enrolment(secret, Secret(_totp(secret).provisioning_uri(name=user.username, issuer_name=ISSUER)))


def is_code_shaped(code: str) -> bool:
    return len(code) == DIGITS and code.isascii() and code.isdecimal()


def match_step(secret: Secret, code: str, *, now: datetime) -> int | None:
    """The time step this code belongs to, within one step of now. Every step is compared, in constant time."""
    current = int(now.timestamp()) // STEP_S
    found: int | None = None
    for offset in WINDOW_STEPS:
        expected = _totp(secret).generate_otp(current + offset)
        if hmac.compare_digest(expected.encode(), code.encode()) and found is None:
            found = current + offset
    return found


def use_step(user: User, step: int) -> bool:
    """True for the first use of this step. The unique row decides between parallel uses on any endpoint."""
    try:
        with transaction.atomic():
            UsedTimestep.objects.create(user=user, timestep=step)
    except IntegrityError:
        return False
    UsedTimestep.objects.filter(user=user, timestep__lt=step - _FORGET_AFTER_STEPS).delete()
    return True


def device_secret(user: User) -> Secret | None:
    """The secret of the confirmed device, opened."""
    device = TotpDevice.objects.filter(user=user, confirmed_at__isnull=False).first()
    return open_secret(device.sealed_secret, context=_context(user)) if device is not None else None


def store_device(user: User, secret: Secret, *, now: datetime) -> None:
    """Make this the person's one device. Steps used with an older secret say nothing about this one."""
    sealed = seal(secret.reveal().encode(), context=_context(user))
    TotpDevice.objects.update_or_create(user=user, defaults={"sealed_secret": sealed, "confirmed_at": now})
    UsedTimestep.objects.filter(user=user).delete()


def _context(user: User) -> str:
    return f"mfa_totpdevice:{user.public_id}:sealed_secret"


def _totp(secret: Secret) -> pyotp.TOTP:
    return pyotp.TOTP(secret.reveal(), digits=DIGITS, interval=STEP_S)

"""Reads about second factors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jit_access.accounts.models import User
from jit_access.mfa import recovery
from jit_access.mfa.models import Passkey, TotpDevice


@dataclass(frozen=True, slots=True)
class FactorState:
    """What a person has to prove who they are."""

    confirmed_at: datetime | None
    recovery_codes_left: int
    passkeys: tuple[Passkey, ...] = ()


def has_factor(user: User) -> bool:
    """True when a confirmed device exists."""
    return TotpDevice.objects.filter(user=user, confirmed_at__isnull=False).exists()


def has_passkey(user: User) -> bool:
    """True when the person could prove with a passkey."""
    return Passkey.objects.filter(user=user).exists()


def factor_state(user: User) -> FactorState:
    """For the settings page."""
    device = TotpDevice.objects.filter(user=user, confirmed_at__isnull=False).first()
    keys = tuple(Passkey.objects.filter(user=user).order_by("pk"))
    return FactorState(device.confirmed_at if device is not None else None, recovery.count_unused(user), keys)

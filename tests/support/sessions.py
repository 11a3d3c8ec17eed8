"""Clients whose session has a second factor of a chosen age."""

from __future__ import annotations

from datetime import timedelta

import pyotp
from django.test import Client

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.core.secret import Secret
from jit_access.domain.actors import GATEWAY
from jit_access.mfa.assurance import Level
from jit_access.mfa.device_binding import hash_of
from jit_access.mfa.models import Device
from jit_access.mfa.selectors import has_factor
from jit_access.mfa.services import install_totp
from jit_access.mfa.session_keys import LEVEL, PROVED_AT
from tests.support.cast import DEVICE_COOKIE, sign_in

# Older than any freshness that the example policy asks for, younger than the silence that ends a session.
STALE_AGE = timedelta(minutes=25)
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # everybody's in the tests, nobody's elsewhere


def give_factor(user: User) -> None:
    """An authenticator app whose secret the test knows."""
    if not has_factor(user):
        install_totp(actor=GATEWAY, user=user, secret=Secret(TOTP_SECRET))
        user.refresh_from_db()


def code_now() -> str:
    """The code that everybody's app shows at the moment of `core.clock`."""
    return pyotp.TOTP(TOTP_SECRET).at(clock.now())


def signed_in(user: User, factor: str) -> Client:
    """`fresh`: proved just now; `stale`: proved too long ago for a step-up; `none`: password only."""
    if factor not in {"fresh", "stale", "none"}:
        raise ValueError(factor)
    if factor != "none":
        give_factor(user)
    client = sign_in(user)
    if factor != "none":
        age = STALE_AGE if factor == "stale" else timedelta()
        session = client.session
        session.update({LEVEL: Level.SECOND_FACTOR, PROVED_AT: (clock.now() - age).timestamp()})
        session.save()
        _make_device_known(user)
    return client


def _make_device_known(user: User) -> None:
    """A browser in which a second factor was shown is one of the person's."""
    now = clock.now()
    facts = {"public_id": new_id("dev"), "name": "Chrome on Linux", "first_seen_at": now, "seen_at": now}
    Device.objects.get_or_create(user=user, device_hash=hash_of(DEVICE_COOKIE), defaults=facts)

"""Clients whose session has a second factor of a chosen age."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client

from jit_access.accounts.models import User
from tests.support.cast import sign_in

STALE_AFTER = timedelta(minutes=25)  # older than any freshness that the example policy asks, younger than idle time


def signed_in(user: User, factor: str) -> Client:
    """`fresh`: proved just now; `stale`: proved too long ago for a step-up; `none`: password only."""
    client = sign_in(user)
    if factor == "none":
        return client
    raise NotImplementedError

"""How often one may ask. Counted per process in memory: a brake for accidents, not a guard.

The guards against guessing (codes, passwords) count in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from jit_access.accounts.models import User
from jit_access.mfa.services import client_address

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports the default throttles, so us


class PerAccount(SimpleRateThrottle):
    """Every endpoint, per account. Requests of nobody are refused by other means."""

    scope = "account"
    rate = "1200/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002  # DRF's signature
        user = request.user
        return f"throttle:account:{user.pk}" if isinstance(user, User) else None


class SignInPerAddress(SimpleRateThrottle):
    """Each try costs a slow hash, so one address gets one a second on average: enough for a whole office."""

    scope = "sign-in"
    rate = "60/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002  # DRF's signature
        return f"throttle:sign-in:{client_address(request._request)}"

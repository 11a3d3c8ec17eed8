"""How often one may ask. Counted per process in memory: a brake for accidents, not a guard.

The guards against guessing (codes, passwords) count in the database; what strangers may ask is counted where they are
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from jit_access.accounts.models import User

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports the default throttles, so us


class PerAccount(SimpleRateThrottle):
    """Every endpoint, per account. Requests of nobody are refused by other means."""

    scope = "account"
    rate = "1200/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002  # DRF's signature
        user = request.user
        return f"throttle:account:{user.pk}" if isinstance(user, User) else None

"""Rows that open nothing any more. What they were is in the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jit_access.core import clock
from jit_access.oauth.models import AccessToken, AuthorizationCode, DeviceCode, DeviceCodeGuess

# So long a code that is sent again is known for what it is, and a token for one that ran out.
CODES_KEPT: Final = timedelta(days=1)
TOKENS_KEPT: Final = timedelta(days=7)


def forget() -> int:
    """Delete them. Returns how many rows there were."""
    now, count = clock.now(), 0
    for rows in (
        AuthorizationCode.objects.filter(expires_at__lt=now - CODES_KEPT),
        DeviceCode.objects.filter(expires_at__lt=now - CODES_KEPT),
        DeviceCodeGuess.objects.filter(at__lt=now - CODES_KEPT),
        AccessToken.objects.filter(expires_at__lt=now - TOKENS_KEPT),
    ):
        count += rows.delete()[0]
    return count

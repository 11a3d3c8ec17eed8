"""Asking a token's holder for a better proof, in the words of RFC 9470.

A browser is led to a page; whoever came with a token reads a challenge, opens the authorization page with the same
`acr_values` and `max_age`, and comes back with another token. Agents are not asked: nobody stands behind them.
"""

from __future__ import annotations

from typing import Final

from rest_framework.request import Request

from jit_access.accounts.models import ApiToken, User
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Level
from jit_access.oauth.models import AccessToken
from jit_access.oauth.strength import ACR

_LEVEL_OF: Final = {
    Reason.SECOND_FACTOR_MISSING: Level.SECOND_FACTOR,
    Reason.SECOND_FACTOR_STALE: Level.SECOND_FACTOR,
    Reason.PASSKEY_NEEDED: Level.PHISHING_RESISTANT,
}


def challenge_for(exc: Exception, request: Request | None) -> str | None:
    """The `WWW-Authenticate` of a 401 for this refusal, or None where no challenge helps."""
    if not isinstance(exc, GatewayError) or exc.reason not in _LEVEL_OF or request is None:
        return None
    user, token = getattr(request, "user", None), getattr(request, "auth", None)
    if not isinstance(token, ApiToken | AccessToken) or not isinstance(user, User) or not user.is_person:
        return None
    max_age = exc.fields.get("max_age_s", STEP_UP_MAX_AGE_S)
    scheme = "DPoP" if token.jkt else "Bearer"
    return (
        f'{scheme} realm="jit access", error="insufficient_user_authentication", '
        'error_description="A fresh second factor is needed", '
        f'acr_values="{ACR[_LEVEL_OF[exc.reason]]}", max_age="{max_age}"'
    )

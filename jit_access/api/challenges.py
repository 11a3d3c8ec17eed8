"""Telling the holder of a token what is wrong with it, in the words of RFC 6750 and RFC 9470.

A browser is led to a page; whoever came with a token reads a challenge. Where a better proof helps, they open the
authorization page with the same `acr_values` and `max_age`, and come back with another token. Agents are not asked for
one: nobody stands behind them.
"""

from __future__ import annotations

from typing import Final

from rest_framework.request import Request

from jit_access.accounts.models import ApiToken, User
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Level
from jit_access.oauth.models import AccessToken
from jit_access.oauth.scopes import Scope
from jit_access.oauth.strength import ACR

REALM: Final = 'Bearer realm="jit access"'
_LEVEL_OF: Final = {
    Reason.SECOND_FACTOR_MISSING: Level.SECOND_FACTOR,
    Reason.SECOND_FACTOR_STALE: Level.SECOND_FACTOR,
    Reason.PASSKEY_NEEDED: Level.PHISHING_RESISTANT,
}
_INVALID: Final = frozenset({Reason.TOKEN_MALFORMED, Reason.TOKEN_UNKNOWN, Reason.TOKEN_EXPIRED, Reason.TOKEN_REVOKED})


def step_up_for(exc: Exception, request: Request | None) -> str | None:
    """The challenge for a proof that is missing or too old, or None where asking for one does not help."""
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


def challenge_of(exc: Exception, status: int) -> str | None:
    """What goes with every 401, and with the one 403 that another token would mend."""
    reason = exc.reason if isinstance(exc, GatewayError) else None
    if reason is Reason.SCOPE_TOO_NARROW:
        return f'{REALM}, error="insufficient_scope", scope="{Scope.ACT}"'
    if status != 401:
        return None
    if reason in _INVALID:
        return f'{REALM}, error="invalid_token"'
    return str(getattr(exc, "challenge", REALM))

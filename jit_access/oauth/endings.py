"""What ends access tokens from outside: their session, their account. Handlers run in the transaction of that end."""

from __future__ import annotations

from jit_access.accounts.models import User
from jit_access.accounts.standing import STOPPED
from jit_access.domain.actors import GATEWAY
from jit_access.domain.reasons import Reason
from jit_access.oauth.access_tokens import revoke_all
from jit_access.oauth.models import AccessToken


def end_with_account(user: User, reason: Reason) -> None:
    """A locked account's tokens stay ended when it is unlocked. A lost group narrows what a token opens, no more."""
    if reason in STOPPED:
        end_all_of(user, reason)


def end_all_of(user: User, reason: Reason) -> None:
    """Somebody else may have had what this account acts by, or answers for it now."""
    revoke_all(actor=GATEWAY, tokens=AccessToken.objects.filter(user=user), because=str(reason))


def end_with_sessions(user: User, session_ids: frozenset[str]) -> None:
    """Whoever signs out in the browser has signed out of what they signed in from there."""
    tokens = AccessToken.objects.filter(user=user, session__in=session_ids - {""})
    revoke_all(actor=GATEWAY, tokens=tokens, because=str(Reason.SIGNED_OUT))

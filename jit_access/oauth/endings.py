"""What ends access tokens from outside: their session, their account. Handlers run in the transaction of that end."""

from __future__ import annotations

from jit_access.accounts.changes import announce_end
from jit_access.accounts.leaks import Leak, tell_of_leak
from jit_access.accounts.models import User
from jit_access.accounts.standing import STOPPED
from jit_access.audit.recorder import audited
from jit_access.core import clock
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


def end_leaked(leak: Leak) -> int:
    """Access tokens among these that work, and whatever their accounts held: each spoke for its account."""
    now = clock.now()
    live = AccessToken.objects.filter(token_hash__in=leak.hashes, revoked_at=None, expires_at__gt=now)
    return sum(_end_leaked(token, leak) for token in live.select_related("user__owner").order_by("pk"))


def _end_leaked(token: AccessToken, leak: Leak) -> bool:
    with audited(actor=GATEWAY) as audit:
        because = str(Reason.TOKEN_LEAKED)
        if not revoke_all(actor=GATEWAY, tokens=AccessToken.objects.filter(pk=token.pk), because=because):
            return False
        detail = {"account": token.user.public_id, "token": token.public_id, "source": leak.source}
        audit.record("token.leaked", reason=Reason.TOKEN_LEAKED, address=leak.address, detail=detail)
        announce_end(token.user, Reason.TOKEN_LEAKED)
        tell_of_leak(account=token.user, what="sign-in at a command line", leak=leak, key=token.public_id)
    return True

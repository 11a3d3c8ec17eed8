"""Tokens that somebody found where others could read them: revoked at once by the rooms that made them.

Whoever reports learns nothing: not whether a token was real, nor whose. Rooms register what they do with the hashes of
what was found; the texts themselves go no further than here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from jit_access.accounts.changes import announce_end
from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.news import Message, say
from jit_access.accounts.selectors import members_of
from jit_access.accounts.services.token_use import home_of
from jit_access.accounts.services.tokens import revoke_api_token
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY, NOBODY
from jit_access.domain.audit_record import clean_text
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.domain.tokens import find_tokens, hash_token

MAX_TOKENS: Final = 200  # of one report


@dataclass(frozen=True, slots=True)
class Leak:
    """The hashes of what was found, who told us, and where they say it was."""

    hashes: frozenset[str]
    address: str
    source: str


Taker: TypeAlias = Callable[[Leak], int]

_takers: list[Taker] = []


def register(taker: Taker) -> None:
    """Call `taker(leak)` for each report; it ends what it knows and says how many that were. Twice runs once."""
    if taker not in _takers:
        _takers.append(taker)


def take_report(*, texts: Iterable[str], address: str, source: str) -> None:
    """End whatever of ours stands in these texts. Nothing comes back, whatever was in them."""
    found: dict[str, None] = {}
    for text in texts:
        found |= dict.fromkeys(find_tokens(text, at_most=MAX_TOKENS - len(found)) if len(found) < MAX_TOKENS else ())
    leak = Leak(frozenset(map(hash_token, found)), address, clean_text(" ".join(source.split()))[:200])
    ended = sum(taker(leak) for taker in tuple(_takers)) if leak.hashes else 0
    if not ended:
        # Anybody can send this as often as they like, so only the first few are written one by one.
        record_outside_refusal(
            actor=NOBODY,
            kind="leaked-tokens.reported",
            reason=Reason.TOKEN_UNKNOWN,
            address=address,
            detail={"tokens": len(found), "source": leak.source},
        )


def end_api_tokens(leak: Leak) -> int:
    """API tokens among these that work: each with its family, and whatever its account held."""
    now = clock.now()
    live = ApiToken.objects.filter(token_hash__in=leak.hashes, revoked_at=None, expires_at__gt=now)
    return sum(_end(token, leak) for token in live.select_related("user__owner", "family").order_by("pk"))


def tell_of_leak(*, account: User, what: str, leak: Leak, key: str) -> None:
    """Whoever answers for it, and security, loudly. In the caller's transaction."""
    where = f" It was found at “{leak.source}”." if leak.source else ""
    say(
        Message(
            kind="token-leaked",
            people=tuple(dict.fromkeys((account.owner or account, *members_of(SECURITY)))),
            subject=f"Leaked: {account.display_name}’s {what} is revoked",
            text=f"Somebody found it in the open and reported it from {leak.address or 'somewhere'}.{where}\n"
            "What it could reach has ended. Find out how it got there before a new one is made.",
            path=home_of(account),
            key=f"token-leaked:{key}",
            is_loud=True,
        )
    )


def _end(token: ApiToken, leak: Leak) -> bool:
    with audited(actor=GATEWAY) as audit:
        if not revoke_api_token(actor=GATEWAY, token=token, reason=Reason.TOKEN_LEAKED):
            return False
        detail = {"account": token.user.public_id, "token": token.public_id, "source": leak.source}
        audit.record("token.leaked", reason=Reason.TOKEN_LEAKED, address=leak.address, detail=detail)
        announce_end(token.user, Reason.TOKEN_LEAKED)
        tell_of_leak(account=token.user, what=f"API token {token.name}", leak=leak, key=token.public_id)
    return True

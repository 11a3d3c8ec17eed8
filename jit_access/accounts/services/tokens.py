"""API tokens: shown once, stored as a hash, always with an end, and as narrow as whoever makes them says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from jit_access.accounts.models import ApiToken, ApiTokenFamily, User
from jit_access.accounts.refusals import refusals_recorded
from jit_access.accounts.selectors import live_tokens_of
from jit_access.accounts.standing import why_stopped
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.networks import parse_network
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token, hash_token

LONGEST_TOKEN = timedelta(days=90)
LONGEST_FAMILY = timedelta(days=365)  # one that rotates: no text of it lives that long
SHORTEST_EVERY, LONGEST_EVERY = timedelta(hours=1), timedelta(days=30)
SHORTEST_OVERLAP, LONGEST_OVERLAP = timedelta(minutes=10), timedelta(days=7)
MAX_NETWORKS: Final = 20
MAX_USES: Final = 1_000_000
MAX_LIVE_TOKENS: Final = 50
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7638: SHA-256, base64url without padding


@dataclass(frozen=True, slots=True)
class Rotation:
    """A new token so often; the old one works on beside it until it is used, and at most for the overlap."""

    every: timedelta
    overlap: timedelta


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """What narrows a token. `networks` as people write them; `max_uses` counts for each token of a family."""

    networks: tuple[str, ...] = ()
    max_uses: int | None = None
    rotation: Rotation | None = None
    jkt: str = ""


NO_LIMITS: Final = TokenLimits()


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token and its text. The text exists only here: reveal it once, to the person who asked."""

    token: ApiToken
    text: Secret


def issue_api_token(
    *,
    actor: ActorRef,
    user: User,
    name: str,
    lasts: timedelta,
    is_name_new: bool = False,
    limits: TokenLimits = NO_LIMITS,
) -> IssuedToken:
    """Make a token for an account. Callers ask for a fresh second factor first.

    `is_name_new`: refuse a name that a live token has: a form that is sent twice, or two that nobody could tell apart.
    Raises: CallerError for a name, a time or limits that cannot be used; PolicyRefusal (account-locked, agent-…) when
    the account may not act, (not-for-agents) when a service account asks. All recorded.
    """
    with refusals_recorded(actor=actor, kind="api-token.issue", account=user.public_id), audited(actor=actor) as audit:
        if actor.kind is ActorKind.SERVICE:
            raise PolicyRefusal(Reason.NOT_FOR_AGENTS)
        label, checked = _check_name(name), check_limits(limits)
        check_lasts(lasts, checked)
        locked = User.objects.select_for_update(no_key=True, of=("self",)).select_related("owner").get(pk=user.pk)
        if (stopped := why_stopped(locked)) is not None:
            raise PolicyRefusal(stopped)
        now = clock.now()
        _check_room(locked, label, now, is_name_new=is_name_new)
        text = Secret(format_token(TokenKind.API, new_token_id(), new_token_secret()))
        token = ApiToken(
            user=locked,
            name=label,
            made_by=User.objects.filter(public_id=actor.id).first(),
            expires_at=now + lasts,
            networks=list(checked.networks),
            max_uses=checked.max_uses,
            jkt=checked.jkt,
        )
        if checked.rotation is not None:
            token.family = begin_family(checked.rotation, now=now, ends_at=now + lasts)
            token.expires_at = end_of_generation(token.family, now)
        store_token(token, text)
        audit.record("api-token.issued", detail=facts_of(token) | limit_facts(token))
    return IssuedToken(token, text)


def revoke_api_token(*, actor: ActorRef, token: ApiToken, reason: Reason = Reason.TOKEN_REVOKED) -> bool:
    """The token is refused from now on, and so is its family. A repeat does nothing. True when anything ended."""
    with audited(actor=actor) as audit:
        now = clock.now()
        meant = Q(pk=token.pk) if token.family_id is None else Q(family=token.family_id)
        live = ApiToken.objects.filter(meant, revoked_at__isnull=True)
        if live.update(revoked_at=now, end_reason=reason, sealed_token="") == 0:
            return False
        token.refresh_from_db(fields=["revoked_at", "end_reason", "sealed_token"])
        audit.record("api-token.revoked", reason=reason, detail=facts_of(token))
    return True


def store_token(token: ApiToken, text: Secret) -> None:
    """Keep a token by the hash of its text. Only this room calls it."""
    token.token_id = text.reveal().split("_")[2]
    token.token_hash = hash_token(text.reveal())
    token.save()


def begin_family(rotation: Rotation, *, now: datetime, ends_at: datetime) -> ApiTokenFamily:
    """The counter of tokens that follow one another."""
    return ApiTokenFamily.objects.create(
        rotates_every_s=int(rotation.every.total_seconds()),
        overlap_s=int(rotation.overlap.total_seconds()),
        ends_at=ends_at,
        due_at=now + rotation.every,
        collected_at=now,  # the first one is shown to whoever makes it
        collections=1,
    )


def end_of_generation(family: ApiTokenFamily, made_at: datetime) -> datetime:
    """A token of a family dies by itself, whether or not anybody rotates it."""
    return min(family.ends_at, made_at + timedelta(seconds=family.rotates_every_s + family.overlap_s))


def check_limits(limits: TokenLimits) -> TokenLimits:
    """The same in one spelling. Raises: CallerError."""
    if len(limits.networks) > MAX_NETWORKS:
        raise _bad("networks", f"A token has at most {MAX_NETWORKS} networks.")
    try:
        networks = tuple(dict.fromkeys(parse_network(text) for text in limits.networks))
    except ValueError as exc:
        raise _bad("networks", str(exc)) from exc
    if limits.max_uses is not None and not 1 <= limits.max_uses <= MAX_USES:
        raise _bad("max_uses", f"A token is used 1 to {MAX_USES} times, or as often as its holder likes.")
    if limits.jkt and not _THUMBPRINT.fullmatch(limits.jkt):
        raise _bad("jkt", "The thumbprint of a key has 43 characters of base64url (RFC 7638).")
    rotation = limits.rotation
    if rotation is not None and not SHORTEST_EVERY <= rotation.every <= LONGEST_EVERY:
        raise _bad("rotates_every", "A token is replaced every hour to every 30 days.")
    if rotation is not None and not SHORTEST_OVERLAP <= rotation.overlap <= min(LONGEST_OVERLAP, rotation.every):
        raise _bad("overlap", "The overlap is 10 minutes to 7 days, and no longer than the time between two tokens.")
    return TokenLimits(networks, limits.max_uses, rotation, limits.jkt)


def check_lasts(lasts: timedelta, limits: TokenLimits) -> None:
    """Raises: CallerError."""
    if limits.rotation is None and not timedelta(minutes=1) <= lasts <= LONGEST_TOKEN:
        raise _bad("lasts", "A token lasts 1 minute to 90 days.")
    if limits.rotation is not None and not limits.rotation.every <= lasts <= LONGEST_FAMILY:
        raise _bad("lasts", "A token that rotates lasts at least until it is replaced once, and at most 365 days.")


def facts_of(token: ApiToken) -> dict[str, str | int | bool]:
    """A token in the log: never its text, never its hash."""
    facts: dict[str, str | int | bool] = {
        "account": token.user.public_id,
        "token": token.public_id,
        "name": token.name,
        "expires_at": clock.format_instant(token.expires_at),
    }
    if token.family is not None:
        facts |= {"family": token.family.public_id, "generation": token.generation}
    return facts


def limit_facts(token: ApiToken) -> dict[str, str | int | bool]:
    """What narrows a token, in the log."""
    facts: dict[str, str | int | bool] = {"networks": ", ".join(token.networks), "jkt": token.jkt}
    if token.max_uses is not None:
        facts["max_uses"] = token.max_uses
    if token.family is not None:
        facts |= {"rotates_every_s": token.family.rotates_every_s, "overlap_s": token.family.overlap_s}
    return facts


def _check_name(name: str) -> str:
    label = clean_text(name.strip())
    if not 1 <= len(label) <= 80:
        raise _bad("name", "Give the token a name of 1 to 80 characters.")
    return label


def _check_room(user: User, name: str, now: datetime, *, is_name_new: bool) -> None:
    live = live_tokens_of(user, now=now)
    if is_name_new and live.filter(name=name).exists():
        raise _bad(
            "name", "A token of this name works already; it was shown once. Take another name, or revoke that one."
        )
    if live.count() >= MAX_LIVE_TOKENS:
        raise _bad("name", f"An account has at most {MAX_LIVE_TOKENS} API tokens. Revoke one first.")


def _bad(field: str, sentence: str) -> CallerError:
    return CallerError(Reason.INVALID_INPUT, sentence, field=field)

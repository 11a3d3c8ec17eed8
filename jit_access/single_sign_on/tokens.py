"""ID tokens and logout tokens: text in, verified facts out. Nothing in a token chooses how it is verified.

Order: shape, header, key, signature, issuer, audience, times, and then what the kind of token asks for.
Source: OpenID Connect Core 1.0, 3.1.3.7; Back-Channel Logout 1.0, 2.6; RFC 8725 (JWT best current practices).
Callers pass the time and what they asked for; this module reads the provider's key set and nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from jit_access.jose.errors import TokenFault
from jit_access.jose.fetching import Peer
from jit_access.jose.key_sets import KeySource, find_key
from jit_access.jose.reading import (
    EXTENSIONS,
    FOREIGN_KEYS,
    algorithm_of,
    check_signature,
    instant,
    key_id_of,
    read_compact,
    refuse_headers,
)
from jit_access.single_sign_on.models import Provider

MAX_CHARS: Final = 32 * 1024
SKEW: Final = timedelta(seconds=60)  # how far a provider's clock may be ahead of ours
OLDEST: Final = timedelta(minutes=10)  # a token is used when it is made; an older one was kept by somebody
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class SignOn:
    """What an ID token says, as far as it counts here."""

    subject: str
    session: str  # the provider's own name for its session, empty when it gives none
    groups: frozenset[str]
    acr: str
    amr: frozenset[str]
    proved_at: datetime | None  # `auth_time`
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Logout:
    """Whose sessions end, or which one. At least one of the two is there."""

    subject: str
    session: str
    token_id: str
    until: datetime


def read_id_token(provider: Provider, text: object, *, nonce: str, now: datetime) -> SignOn:
    """Verify an ID token that was asked for with this nonce. Raises: TokenFault; PeerError for the key set."""
    header, claims = _verify(provider, text)
    if str(header.get("typ", "JWT")).lower() != "jwt":
        raise TokenFault("type")
    _check_common(provider, claims, now)
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise TokenFault("nonce")
    if LOGOUT_EVENT in _object(claims.get("events")):
        raise TokenFault("kind")
    return SignOn(
        subject=_text(claims, "sub"),
        session=_text(claims, "sid", is_needed=False),
        groups=_texts(claims.get(provider.groups_claim)) if provider.groups_claim else frozenset(),
        acr=_text(claims, "acr", is_needed=False),
        amr=_texts(claims.get("amr")),
        proved_at=instant(claims, "auth_time") if "auth_time" in claims else None,
        claims=claims,
    )


def read_logout_token(provider: Provider, text: object, *, now: datetime) -> Logout:
    """Verify a logout token. That its id is new is for the caller to see. Raises: TokenFault; PeerError."""
    header, claims = _verify(provider, text)
    if str(header.get("typ", "logout+jwt")).lower() not in {"logout+jwt", "jwt"}:
        raise TokenFault("type")
    until = _check_common(provider, claims, now)
    if not isinstance(_object(claims.get("events")).get(LOGOUT_EVENT), dict):
        raise TokenFault("event")
    if "nonce" in claims:
        raise TokenFault("nonce")
    subject = _text(claims, "sub", is_needed=False)
    session = _text(claims, "sid", is_needed=False)
    if not subject and not session:
        raise TokenFault("nobody")
    return Logout(subject, session, _text(claims, "jti"), max(until, now + OLDEST) + SKEW)


def _verify(provider: Provider, text: object) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    token = read_compact(text, max_chars=MAX_CHARS)
    alg = algorithm_of(token, frozenset(provider.algorithms))
    refuse_headers(token, FOREIGN_KEYS | EXTENSIONS)
    source = KeySource(provider.jwks_uri, Peer(provider.name))
    check_signature(token, find_key(source, kid=key_id_of(token), alg=alg), alg)
    return token.header, token.claims


def _check_common(provider: Provider, claims: Mapping[str, Any], now: datetime) -> datetime:
    if claims.get("iss") != provider.issuer:
        raise TokenFault("issuer")
    audience = claims.get("aud")
    # More than us would be somebody whom we do not know to be trusted (OpenID Connect Core 3.1.3.7, 3).
    if audience not in (provider.client_id, [provider.client_id]):
        raise TokenFault("audience")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise TokenFault("authorized-party")
    until, made = instant(claims, "exp"), instant(claims, "iat")
    if now >= until:
        raise TokenFault("expired")
    if made > now + SKEW or now - made > OLDEST:
        raise TokenFault("issued-at")
    if "nbf" in claims and instant(claims, "nbf") > now + SKEW:
        raise TokenFault("not-yet")
    return until


def _text(claims: Mapping[str, Any], name: str, *, is_needed: bool = True) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > 255 or (is_needed and not value):
        raise TokenFault(name)
    return value


def _texts(value: object) -> frozenset[str]:
    """A list of words; anything else in it, or instead of it, counts for nothing."""
    items = value if isinstance(value, list) else [value]
    return frozenset(item for item in items[:2000] if isinstance(item, str) and 0 < len(item) <= 255)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

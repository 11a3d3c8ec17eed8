"""Tokens of workloads: text in, verified facts out. Nothing in a token chooses how it is verified.

1. Shape: compact, small, plain JSON in which no name is there twice.
2. Header: an algorithm of the issuer's list; no key, no extension, no other kind of token.
3. Issuer: `iss` as an operator wrote it. It was not verified yet, so it only chooses whom the rest is measured by.
4. Audience and times: ours alone, not over, not before its time, not for longer than a day.
5. The issuer's word: a signature by one of its keys, or the cluster's own answer.
6. What it says about the workload.
Source: RFC 8725; RFC 7519 4.1; JWT-SVID 1.0, 3 and 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from jit_access.jose.errors import TokenFault
from jit_access.jose.key_sets import find_key
from jit_access.jose.reading import (
    EXTENSIONS,
    FOREIGN_KEYS,
    Unverified,
    algorithm_of,
    check_signature,
    instant,
    key_id_of,
    read_compact,
    refuse_headers,
)
from jit_access.workloads.kinds import IssuerKind, flatten
from jit_access.workloads.models import TrustedIssuer
from jit_access.workloads.reviewing import review_token
from jit_access.workloads.selectors import standing_issuers

MAX_CHARS: Final = 16 * 1024
SKEW: Final = timedelta(seconds=30)  # how far an issuer's clock may be ahead of ours; the end has no leeway
LONGEST_LIFE: Final = timedelta(days=1)  # what lives longer is a stored secret under another name
_TYPES: Final = frozenset({"jwt", "at+jwt"})


@dataclass(frozen=True, slots=True)
class Workload:
    """Who an issuer says is there, as far as it counts here. `token_hash` names the token without being it."""

    issuer: TrustedIssuer
    facts: Mapping[str, str]
    subject: str
    expires_at: datetime
    token_hash: str
    token_type: str  # `typ`, in small letters


def read_subject_token(text: object, *, now: datetime, address: str) -> Workload:
    """Verify a workload's token. Raises: TokenFault; PeerError (issuer-away) when its issuer cannot be asked."""
    token = read_compact(text, max_chars=MAX_CHARS)
    refuse_headers(token, FOREIGN_KEYS | EXTENSIONS)
    kind = token.header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenFault("type")
    issuer = _issuer_of(token)
    expires_at = _check_terms(issuer, token.claims, now)
    facts = _vouched(issuer, token, address)
    return Workload(issuer, facts, facts.get("sub", ""), expires_at, _hash_of(issuer, token), kind.lower())


def _issuer_of(token: Unverified) -> TrustedIssuer:
    named = token.claims.get("iss")
    if not isinstance(named, str) or not 1 <= len(named) <= 300:
        raise TokenFault("issuer")
    issuer = standing_issuers().filter(issuer=named).first()
    if issuer is None or issuer.issuer != named:  # some databases compare more kindly than we do
        raise TokenFault("issuer")
    return issuer


def _check_terms(issuer: TrustedIssuer, claims: Mapping[str, Any], now: datetime) -> datetime:
    # More than us would be somebody who holds a token that opens our door, too.
    if claims.get("aud") not in (issuer.audience, [issuer.audience]):
        raise TokenFault("audience")
    expires_at = instant(claims, "exp")
    if now >= expires_at:
        raise TokenFault("expired")
    begins = now
    if "iat" in claims or issuer.kind != IssuerKind.OIDC:  # a JWT-SVID need not say when it was made
        begins = instant(claims, "iat")
        if begins > now + SKEW:
            raise TokenFault("issued-at")
    if "nbf" in claims and instant(claims, "nbf") > now + SKEW:
        raise TokenFault("not-yet")
    if expires_at - begins > LONGEST_LIFE:
        raise TokenFault("lives-too-long")
    return expires_at


def _vouched(issuer: TrustedIssuer, token: Unverified, address: str) -> Mapping[str, str]:
    alg = algorithm_of(token, frozenset(issuer.algorithms))
    if issuer.jwks_uri:
        check_signature(token, find_key(issuer.key_source, kid=key_id_of(token), alg=alg), alg)
    elif not issuer.is_reviewed:
        raise TokenFault("keys")
    facts = flatten(IssuerKind(issuer.kind), token.claims)
    return review_token(issuer, token.text, facts, address=address) if issuer.is_reviewed else facts


def _hash_of(issuer: TrustedIssuer, token: Unverified) -> str:
    named = token.claims.get("jti")
    if issuer.is_used_once:
        if not isinstance(named, str) or not 1 <= len(named) <= 255:
            raise TokenFault("jti")
        return hashlib.sha256(named.encode()).hexdigest()
    return hashlib.sha256(token.text.encode()).hexdigest()

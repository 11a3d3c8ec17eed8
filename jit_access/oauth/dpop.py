"""Proofs that whoever sends a token holds the key it belongs to (RFC 9449, DPoP).

A proof is a small token made for one request: by a key that it brings itself, for this method and this address, with a
nonce of ours that is at most five minutes old, and used once. A stolen access token without the key opens nothing, and
neither does a stolen proof. Without Redis nobody can tell whether a proof was used before, so nothing is let in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.crypto import salted_hmac

from jit_access.core import clock
from jit_access.core import redis as core_redis
from jit_access.jose.errors import TokenFault
from jit_access.jose.key_sets import KEY_TYPES, import_public_key, is_fitting
from jit_access.jose.reading import (
    EXTENSIONS,
    Unverified,
    algorithm_of,
    check_signature,
    instant,
    read_compact,
    refuse_headers,
)

MAX_CHARS: Final = 8 * 1024
ALGORITHMS: Final = frozenset(KEY_TYPES)
OLDEST: Final = timedelta(seconds=60)
SKEW: Final = timedelta(seconds=10)  # how far a client's clock may be ahead of ours
NONCE_LASTS_S: Final = 300
# A proof is good while its `iat` and its nonce are; it is remembered for longer than either.
_REMEMBERED_S: Final = NONCE_LASTS_S + 120
_SALT: Final = "jit_access.oauth.dpop"
_NONCE: Final = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_FOREIGN: Final = frozenset({"jku", "x5u", "x5c"}) | EXTENSIONS
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that a proof must be for. `token` is empty where a token is only being got."""

    method: str
    url: str
    token: str = ""


def check_proof(text: object, asked: Asked) -> str:
    """The thumbprint (RFC 7638) of the key that made this proof for this very request.

    Raises: TokenFault, with `nonce` when all that is wrong is the nonce; redis.RedisError.
    """
    proof = read_compact(text, max_chars=MAX_CHARS)
    thumbprint = _check_made_by_its_key(proof)
    _check_made_for(proof.claims, asked)
    _check_made_now(proof.claims, clock.now())
    _check_nonce(proof.claims.get("nonce"))
    _use_up(thumbprint, proof.claims.get("jti"))
    return thumbprint


def new_nonce() -> str:
    """A value that proves when we gave it. It needs no memory: any process of ours recognises it."""
    moment = str(int(clock.now().timestamp()))
    return f"{moment}.{_seal(moment)}"


def own_url(path: str) -> str:
    """The address of ours that clients know, whatever a proxy in front of us made of it."""
    return f"{settings.PUBLIC_URL}{path}"


def _check_made_by_its_key(proof: Unverified) -> str:
    if proof.header.get("typ") != "dpop+jwt":
        raise TokenFault("type")
    refuse_headers(proof, _FOREIGN)
    alg = algorithm_of(proof, ALGORITHMS)
    raw = proof.header.get("jwk")
    if not isinstance(raw, dict) or _PRIVATE & raw.keys() or not is_fitting(raw, alg):
        raise TokenFault("jwk")
    key = import_public_key(raw)
    check_signature(proof, key, alg)
    return str(key.thumbprint())


def _check_made_for(claims: Mapping[str, Any], asked: Asked) -> None:
    if claims.get("htm") != asked.method:
        raise TokenFault("htm")
    if _normal(claims.get("htu")) != _normal(asked.url):
        raise TokenFault("htu")
    if not asked.token:
        return
    digest = hashlib.sha256(asked.token.encode()).digest()
    wanted = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    told = claims.get("ath")
    if not isinstance(told, str) or not hmac.compare_digest(told.encode(), wanted.encode()):
        raise TokenFault("ath")


def _check_made_now(claims: Mapping[str, Any], now: datetime) -> None:
    made = instant(claims, "iat")
    if made > now + SKEW or now - made > OLDEST:
        raise TokenFault("iat")
    if "exp" in claims and now >= instant(claims, "exp"):
        raise TokenFault("exp")
    if "nbf" in claims and instant(claims, "nbf") > now + SKEW:
        raise TokenFault("nbf")


def _check_nonce(told: object) -> None:
    found = _NONCE.fullmatch(told) if isinstance(told, str) and len(told) <= 100 else None
    if found is None or not hmac.compare_digest(found[2], _seal(found[1])):
        raise TokenFault("nonce")
    if not 0 <= clock.now().timestamp() - int(found[1]) <= NONCE_LASTS_S:
        raise TokenFault("nonce")


def _use_up(thumbprint: str, jti: object) -> None:
    if not isinstance(jti, str) or not 1 <= len(jti) <= 255:
        raise TokenFault("jti")
    name = hashlib.sha256(f"{thumbprint} {jti}".encode()).hexdigest()
    if not core_redis.client().set(f"jit:dpop:{name}", int(time.time()), nx=True, ex=_REMEMBERED_S):
        raise TokenFault("used-before")


def _normal(url: object) -> tuple[str, str, int, str] | None:
    """Scheme, host, port and path (RFC 3986, 6.2.2 and 6.2.3). Query and fragment have no part in it."""
    if not isinstance(url, str) or len(url) > 2000 or not url.isascii():
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    path = re.sub(r"%[0-9A-Fa-f]{2}", lambda found: found[0].upper(), parts.path) or "/"
    return scheme, parts.hostname.lower(), port or _DEFAULT_PORTS[scheme], path


def _seal(moment: str) -> str:
    return salted_hmac(_SALT, moment, algorithm="sha256").hexdigest()

"""A signed token in compact form: text in, header and claims out, and then whether a key made it.

Source: RFC 7515 (compact serialization only), RFC 8725. What two readers could understand differently is refused: a
name that is there twice, a number that is none, another alphabet, another serialization.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from joserfc import jwk, jws
from joserfc.errors import JoseError

from jit_access.jose.errors import TokenFault
from jit_access.jose.key_sets import KEY_TYPES

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")
# Keys are the issuer's affair, and extensions that we do not know may change what the rest means (RFC 7515 4.1.11).
FOREIGN_KEYS: Final = frozenset({"jwk", "jku", "x5u", "x5c"})
EXTENSIONS: Final = frozenset({"crit", "b64", "zip", "enc"})


class _Registry(jws.JWSRegistry):
    """joserfc's own, for headers that carry a key. What headers mean was looked at before."""

    max_header_length = 4096


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says about itself. It proves nothing until `check_signature` was passed."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read_compact(text: object, *, max_chars: int) -> Unverified:
    """Raises: TokenFault (shape, too-large)."""
    if not isinstance(text, str):
        raise TokenFault("shape")
    if len(text) > max_chars:
        raise TokenFault("too-large")
    found = _COMPACT.fullmatch(text)
    if found is None:
        raise TokenFault("shape")
    return Unverified(text, _json_object(found[1]), _json_object(found[2]))


def algorithm_of(token: Unverified, allowed: frozenset[str]) -> str:
    """The algorithm, when it is one of those that we take. Raises: TokenFault."""
    alg = token.header.get("alg")
    if not isinstance(alg, str) or alg not in allowed or alg not in KEY_TYPES:
        raise TokenFault("algorithm")
    return alg


def refuse_headers(token: Unverified, names: frozenset[str]) -> None:
    """Refused, not passed over: whoever sends them expects that they count. Raises: TokenFault."""
    if names & token.header.keys():
        raise TokenFault("header")


def key_id_of(token: Unverified) -> str:
    """Raises: TokenFault when the token names no key."""
    kid = token.header.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= 255:
        raise TokenFault("key-unnamed")
    return kid


def check_signature(token: Unverified, key: jwk.Key, alg: str) -> None:
    """Raises: TokenFault."""
    registry = _Registry(algorithms=[alg], strict_check_header=False)
    try:
        jws.deserialize_compact(token.text, key, algorithms=[alg], registry=registry)
    except (JoseError, ValueError, TypeError, RecursionError) as exc:
        raise TokenFault("signature") from exc


def instant(claims: Mapping[str, Any], name: str) -> datetime:
    """A NumericDate. Raises: TokenFault named after the claim."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenFault(name)
    if not 0 < value < 2**36:  # nor is infinity, which is how 1e400 is read; 2**36 s is the year 4147
        raise TokenFault(name)
    return datetime.fromtimestamp(value, tz=UTC)


def read_json(raw: str | bytes) -> dict[str, Any]:
    """One JSON object in which no name is there twice. Raises: ValueError, RecursionError."""
    found = json.loads(raw, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _json_object(part: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        return read_json(raw.decode("utf-8"))
    except (binascii.Error, ValueError, RecursionError) as exc:
        raise TokenFault("shape") from exc


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")

"""The keys that an issuer signs with: from its own key set and from nowhere else, whatever a token points to."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwk
from joserfc.errors import JoseError

from jit_access.domain.errors import PeerError
from jit_access.jose.errors import TokenFault
from jit_access.jose.fetching import Peer, fetch_json

FRESH_FOR_S: Final = 600  # how long a key that was withdrawn may still be believed
AWAY_FOR_S: Final = 10  # an issuer that did not answer is not asked again for so long: strangers can make us ask
ASK_AGAIN_AFTER_S: Final = 30  # an unknown key id makes us look again, but no more often than this
MAX_KEYS: Final = 50
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 4096  # beyond it one check costs a stranger nothing and us milliseconds
_MAX_EXPONENT_BITS: Final = 33  # 65537 everywhere; a long one is a check that never ends
# Which kind of key each algorithm takes. Asymmetric only: with a shared secret whoever verifies can also sign.
KEY_TYPES: Final = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
}
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where keys are listed. `kept_for_s`: how old a list may get while the issuer is away."""

    uri: str
    peer: Peer
    kept_for_s: int = FRESH_FOR_S


@dataclass(slots=True)
class _Kept:
    keys: tuple[dict[str, Any], ...]
    at: float


_kept: dict[KeySource, _Kept] = {}
_away_since: dict[KeySource, float] = {}
_fetching: dict[KeySource, threading.Lock] = {}
_lock = threading.Lock()


def find_key(source: KeySource, *, kid: str, alg: str) -> jwk.Key:
    """The one public key of this id that fits the algorithm. Raises: TokenFault; PeerError when it cannot be asked."""
    kept = _fresh(source)
    found = _fitting(kept, kid, alg)
    if not found and time.monotonic() - kept.at > ASK_AGAIN_AFTER_S:
        found = _fitting(_fetch_once(source, not_before=kept.at), kid, alg)
    if len(found) != 1:
        raise TokenFault("key-unknown")
    return import_public_key(found[0])


def import_public_key(raw: Mapping[str, Any]) -> jwk.Key:
    """The public half of a key, of a strength that counts. Raises: TokenFault."""
    public = {name: raw[name] for name in ("kty", "n", "e", "crv", "x", "y") if isinstance(raw.get(name), str)}
    try:
        key = jwk.import_key(public)
    except (JoseError, ValueError) as exc:
        raise TokenFault("key-broken") from exc
    if isinstance(key, jwk.RSAKey):
        numbers = key.public_key.public_numbers()
        if not MIN_RSA_BITS <= key.public_key.key_size <= MAX_RSA_BITS or numbers.e.bit_length() > _MAX_EXPONENT_BITS:
            raise TokenFault("key-weak")
    return key


def is_fitting(key: Mapping[str, Any], alg: str) -> bool:
    """True when this key is of the kind that the algorithm takes."""
    return key.get("kty") == KEY_TYPES[alg] and (alg not in _CURVES or key.get("crv") == _CURVES[alg])


def forget_keys() -> None:
    """Begin anew; for tests."""
    with _lock:
        _kept.clear()
        _away_since.clear()


def _fresh(source: KeySource) -> _Kept:
    with _lock:
        kept = _kept.get(source)
    now = time.monotonic()
    if kept is not None and now - kept.at <= FRESH_FOR_S:
        return kept
    try:
        return _fetch_once(source, not_before=now - FRESH_FOR_S)
    except PeerError:
        if kept is None or now - kept.at > source.kept_for_s:
            raise
        return kept


def _fetch_once(source: KeySource, *, not_before: float) -> _Kept:
    """One thread asks; those who wait for it take what it got. A list from after `not_before` will do."""
    with _lock:
        turn = _fetching.setdefault(source, threading.Lock())
    with turn:
        with _lock:
            kept, away_since = _kept.get(source), _away_since.get(source)
        if kept is not None and kept.at > not_before:
            return kept
        if away_since is not None and time.monotonic() - away_since < AWAY_FOR_S:
            raise PeerError(source.peer.away, f"{source.peer.name} does not answer as it should.", retryable=True)
        return _fetch(source)


def _fetch(source: KeySource) -> _Kept:
    try:
        listed = fetch_json(source.uri, peer=source.peer).get("keys")
    except PeerError:
        with _lock:
            _away_since[source] = time.monotonic()
        raise
    keys = tuple(key for key in listed[:MAX_KEYS] if isinstance(key, dict)) if isinstance(listed, list) else ()
    kept = _Kept(keys, time.monotonic())
    with _lock:
        _kept[source] = kept
        _away_since.pop(source, None)
    return kept


def _fitting(kept: _Kept, kid: str, alg: str) -> list[dict[str, Any]]:
    return [
        key
        for key in kept.keys
        if key.get("kid") == kid
        and key.get("use", "sig") == "sig"
        and key.get("alg", alg) == alg
        and is_fitting(key, alg)
    ]

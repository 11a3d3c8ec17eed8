"""The keys that a provider signs with: from its own key set and from nowhere else, whatever a token points to."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwk
from joserfc.errors import JoseError

from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from jit_access.single_sign_on.errors import TokenFault
from jit_access.single_sign_on.fetching import fetch_json
from jit_access.single_sign_on.models import Provider

FRESH_FOR_S: Final = 600  # how long a key that was withdrawn may still be believed
AWAY_FOR_S: Final = 10  # a provider that did not answer is not asked again for so long: strangers can make us ask
ASK_AGAIN_AFTER_S: Final = 30  # an unknown key id makes us look again, but no more often than this
MAX_KEYS: Final = 50
MIN_RSA_BITS: Final = 2048
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


@dataclass(slots=True)
class _Kept:
    keys: tuple[dict[str, Any], ...]
    at: float


_kept: dict[str, _Kept] = {}
_away_since: dict[str, float] = {}
_lock = threading.Lock()


def find_key(provider: Provider, *, kid: str, alg: str) -> jwk.Key:
    """The one public key of this id that fits the algorithm. Raises: TokenFault; PeerError when it cannot be asked."""
    now = time.monotonic()
    with _lock:
        kept = _kept.get(provider.jwks_uri)
    if kept is None or now - kept.at > FRESH_FOR_S:
        kept = _fetch(provider, now)
    found = _fitting(kept, kid, alg)
    if not found and now - kept.at > ASK_AGAIN_AFTER_S:
        found = _fitting(_fetch(provider, now), kid, alg)
    if len(found) != 1:
        raise TokenFault("key-unknown")
    return _as_key(found[0])


def forget_keys() -> None:
    """Begin anew; for tests."""
    with _lock:
        _kept.clear()
        _away_since.clear()


def _fetch(provider: Provider, now: float) -> _Kept:
    with _lock:
        away_since = _away_since.get(provider.jwks_uri)
    if away_since is not None and now - away_since < AWAY_FOR_S:
        raise PeerError(Reason.PROVIDER_AWAY, f"{provider.name} does not answer as it should.", retryable=True)
    try:
        listed = fetch_json(provider.jwks_uri, name=provider.name).get("keys")
    except PeerError:
        with _lock:
            _away_since[provider.jwks_uri] = time.monotonic()
        raise
    keys = tuple(key for key in listed[:MAX_KEYS] if isinstance(key, dict)) if isinstance(listed, list) else ()
    kept = _Kept(keys, now)
    with _lock:
        _kept[provider.jwks_uri] = kept
    return kept


def _fitting(kept: _Kept, kid: str, alg: str) -> list[dict[str, Any]]:
    return [
        key
        for key in kept.keys
        if key.get("kid") == kid
        and key.get("kty") == KEY_TYPES[alg]
        and key.get("use", "sig") == "sig"
        and key.get("alg", alg) == alg
        and (alg not in _CURVES or key.get("crv") == _CURVES[alg])
    ]


def _as_key(raw: dict[str, Any]) -> jwk.Key:
    public = {name: raw[name] for name in ("kty", "n", "e", "crv", "x", "y") if isinstance(raw.get(name), str)}
    try:
        key = jwk.import_key(public)
    except (JoseError, ValueError) as exc:
        raise TokenFault("key-broken") from exc
    if isinstance(key, jwk.RSAKey) and key.public_key.key_size < MIN_RSA_BITS:
        raise TokenFault("key-weak")
    return key

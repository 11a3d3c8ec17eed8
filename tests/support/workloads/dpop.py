"""A client that binds its tokens to a key, and one that would like to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwk

from jit_access.core import clock
from tests.support.workloads.issuer import new_ec_key, sign_raw

TOKEN_URL = "http://localhost:8000/oauth/token"  # an address


@dataclass(slots=True)
class Holder:
    """Whoever holds a key. `nonce` is the last one that the gateway gave."""

    key: jwk.ECKey | jwk.RSAKey = field(default_factory=new_ec_key)
    nonce: str = ""

    @property
    def jkt(self) -> str:
        return str(self.key.thumbprint())

    def header(self, **changes: Any) -> dict[str, Any]:
        alg = "ES256" if isinstance(self.key, jwk.ECKey) else "RS256"
        public = {name: value for name, value in self.key.as_dict(private=False).items() if name in _PUBLIC}
        told = {"typ": "dpop+jwt", "alg": alg, "jwk": public, **changes}
        return {name: value for name, value in told.items() if value is not None}

    def claims(self, method: str, url: str, token: str = "", **changes: Any) -> dict[str, Any]:
        told: dict[str, Any] = {
            "jti": secrets.token_hex(8),
            "htm": method,
            "htu": url,
            "iat": int(clock.now().timestamp()),
            "nonce": self.nonce,
        }
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            told["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {name: value for name, value in {**told, **changes}.items() if value is not None}

    def proof(self, method: str, url: str, token: str = "", **changes: Any) -> str:
        return self.sign(self.header(), self.claims(method, url, token, **changes))

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        alg = "ES256" if isinstance(self.key, jwk.ECKey) else "RS256"
        return sign_raw(header, json.dumps(claims).encode(), self.key, alg)


_PUBLIC = frozenset({"kty", "crv", "x", "y", "n", "e"})

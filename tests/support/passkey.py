"""A passkey as an authenticator and a browser together make one. What cannot be had in a test without a browser.

Source: Web Authentication level 3, 5.8.1 (client data), 6.1 (authenticator data), 6.5 (attested credential data).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftKey:
    """One key pair. The knobs are what a faulty or hostile device or page would change."""

    origin: str
    host: str
    count: int = 0
    flags: int = PRESENT | VERIFIED
    user_handle: str = ""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any]) -> str:
        """What `navigator.credentials.create(...).toJSON()` gives."""
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + self._attested()}
        told = {
            "clientDataJSON": self._client_data("webauthn.create", options["challenge"]),
            "attestationObject": bytes_to_base64url(cbor2.dumps(statement)),
            "transports": ["internal", "hybrid"],
        }
        return self._answer(told)

    def prove(self, options: dict[str, Any]) -> str:
        """What `navigator.credentials.get(...).toJSON()` gives."""
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._data(0)
        raw = json.dumps(self._told("webauthn.get", options["challenge"])).encode()
        signature = self.private.sign(data + hashlib.sha256(raw).digest(), ec.ECDSA(SHA256()))
        told = {
            "clientDataJSON": client_data,
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(signature),
            "userHandle": self.user_handle or None,
        }
        return self._answer(told)

    def _told(self, kind: str, challenge: str) -> dict[str, Any]:
        return {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}

    def _client_data(self, kind: str, challenge: str) -> str:
        return bytes_to_base64url(json.dumps(self._told(kind, challenge)).encode())

    def _data(self, more: int) -> bytes:
        host = hashlib.sha256(self.host.encode()).digest()
        return host + bytes([self.flags | more]) + self.count.to_bytes(4, "big")

    def _attested(self) -> bytes:
        point = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        return bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)

    def _answer(self, response: dict[str, Any]) -> str:
        name = bytes_to_base64url(self.id)
        more = {"authenticatorAttachment": "platform", "clientExtensionResults": {}}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response} | more)

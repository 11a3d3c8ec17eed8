"""Addresses for uploads that the gateway signs itself: a client sends no token with the bytes of a large file.

An address holds, encrypted, the token that asked for it, and what the hub answered: so it opens nothing once the grant
is over, it takes the bytes of one object only, and nobody can make one up. That it works once is kept by the control
plane (`once`), because a second body under the same address could take the place of the first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.refusals import Unclassified

LASTS_S = 3600.0
MAX_SEALED_CHARS = 7000  # the edge takes targets of 8 KiB
_NONCE_BYTES = 12
_PURPOSE = b"jit hub upload address v1"
_SEALED = re.compile(r"[A-Za-z0-9_-]{40,7000}")


@dataclass(frozen=True, slots=True)
class UploadPlace:
    """One place that takes one object, or a part of it. `url` is the hub's own, and never leaves the gateway."""

    url: str
    method: str  # PUT for bytes, POST for the list of parts
    token: str
    repository: str
    oid: str
    size: int  # of this body; 0 for a list of parts
    valid_until: float  # UTC epoch seconds
    nonce: str
    part: int = 0  # which one of an object's parts; 0 for the whole, and for the list of them
    parts: int = 0  # of how many

    @property
    def once(self) -> str:
        """The name under which its use is settled."""
        return f"once:{self.nonce}"

    def unusable(self) -> Unclassified:
        """Whoever asks for something else here."""
        return _unknown()


class Sealer:
    """All processes of a gateway share the key, because the bytes may come to another one than the question."""

    def __init__(self, view_key: bytes | None = None) -> None:
        key = view_key or secrets.token_bytes(32)
        self._cipher = AESGCM(hmac.new(key, _PURPOSE, hashlib.sha256).digest())

    def seal(self, place: UploadPlace, slug: str) -> str:
        """As one path segment. Too long is told by ValueError."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, json.dumps(asdict(place)).encode(), slug.encode())
        text = base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")
        if len(text) > MAX_SEALED_CHARS:
            raise ValueError("the hub's address is too long")
        return text

    def open(self, text: str, slug: str) -> UploadPlace:
        """What was sealed for this target. Raises Unclassified."""
        if not _SEALED.fullmatch(text):
            raise _unknown()
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            opened = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], slug.encode())
        except (ValueError, InvalidTag) as exc:
            raise _unknown() from exc
        return UploadPlace(**json.loads(opened))


def new_nonce() -> str:
    """A name for one address."""
    return secrets.token_hex(16)


def _unknown() -> Unclassified:
    return Unclassified(403, Reason.ROUTE_UNKNOWN, "That is no upload address of this gateway. Start the upload again.")

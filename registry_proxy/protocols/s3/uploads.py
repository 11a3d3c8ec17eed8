"""Ids of multipart uploads, bound to who began them.

A store lets anybody with its credential go on with any upload, and that credential is ours for all. So a client gets
the store's id inside a seal over token, target, bucket and key. Every proxy process can make and open it; nothing is
remembered.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

_SEAL_BYTES = 16
MAX_ID_CHARS = 1024


@dataclass(frozen=True, slots=True)
class UploadSeal:
    """For the uploads of one object in one session."""

    key: bytes
    token_hash: str
    place: tuple[str, str, str]  # target, bucket, object key

    def close(self, upload_id: str) -> str:
        """The id that the client gets."""
        raw = upload_id.encode("utf-8")
        return base64.urlsafe_b64encode(self._seal(raw) + raw).rstrip(b"=").decode("ascii")

    def open(self, text: str) -> str | None:
        """The store's id, or None when this is not one of this session and object."""
        if len(text) > MAX_ID_CHARS or not text.isascii():
            return None
        try:
            raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            upload_id = raw[_SEAL_BYTES:].decode("utf-8")
        except (binascii.Error, ValueError):
            return None
        # Closed again: padding, and bits that mean nothing at the end, would be other spellings of the same.
        is_ours = hmac.compare_digest(text, self.close(upload_id))
        return upload_id if is_ours and upload_id else None

    def _seal(self, upload_id: bytes) -> bytes:
        parts = (self.token_hash.encode(), *(item.encode("utf-8") for item in self.place), upload_id)
        # Lengths in front: no two lists of parts give the same bytes.
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self.key, message, hashlib.sha256)[:_SEAL_BYTES]

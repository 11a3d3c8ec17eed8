"""Secrets that nobody stores: derived from the key that both planes share, for clients that sign instead of showing.

A token goes along with every request, and in the query of every presigned URL. What signs must be something else, or
whoever sees one URL could write others. So the secret is an HMAC over the lease, and both planes can work it out.
Source: HKDF with SHA-256 (RFC 5869); the view key is random already, so a fixed salt does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

_SALT = b"jit-access-gateway"
_SECRET_BYTES = 30  # 240 bits, and 40 characters as AWS's own secrets have


def derive_key(key: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose: HKDF, of whose output one block is enough."""
    extracted = hmac.digest(_SALT, key, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode("utf-8") + b"\x01", hashlib.sha256)


def derive_secret(view_key: bytes, *, lease_id: str, token_hash: str) -> str:
    """What the holder of one lease signs S3 requests with (AWS_SECRET_ACCESS_KEY). It dies with the lease."""
    message = f"{lease_id}\n{token_hash}".encode()
    digest = hmac.digest(derive_key(view_key, "s3 secret access key"), message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:_SECRET_BYTES]).decode("ascii")

"""Secrets at rest: an AES-256-GCM envelope, bound to the one place where it belongs.

Each secret gets its own random data key. The data key is wrapped by a key-encryption key of the provider. Both
layers authenticate the context (`table:public_id:column`), so a sealed text copied to another row or column does
not open there. The stored form is `v1.<key id>.<wrapped data key>.<ciphertext>`, each part its 96-bit nonce first,
in base64url without padding. Source: NIST SP 800-38D 8.2.2 for random nonces: one per data key on the inner layer;
on the outer one a key-encryption key may wrap 2**32 times, far more than we have rows.
"""

from __future__ import annotations

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jit_access.core.keys import (
    KEY_BYTES,
    KEY_ID,
    FileKeyProvider,
    KeyProvider,
    LocalKeyProvider,
    UnknownKey,
    default_provider,
)
from jit_access.core.secret import Secret
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason

__all__ = [
    "FileKeyProvider",
    "KeyProvider",
    "LocalKeyProvider",
    "SealBroken",
    "Secret",
    "UnknownKey",
    "open_sealed",
    "open_secret",
    "reseal",
    "seal",
    "seal_key_id",
]

VERSION = "v1"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class SealBroken(GatewayError):
    """A sealed text was altered, cut, or belongs to another place. It says no more: an oracle helps attackers."""

    def __init__(self) -> None:
        super().__init__(Reason.INTERNAL_ERROR, "A stored secret could not be opened here.")


def seal(plaintext: bytes, *, context: str, provider: KeyProvider | None = None) -> str:
    """Encrypt for exactly one place. `context` is `table:public_id:column`."""
    key_id, wrapping_key = (provider or default_provider()).sealing_key()
    data_key = secrets.token_bytes(KEY_BYTES)
    wrapped = _encrypt(wrapping_key, data_key, _bind("key", key_id, context))
    sealed = _encrypt(data_key, plaintext, _bind("data", key_id, context))
    return ".".join((VERSION, key_id, _to_text(wrapped), _to_text(sealed)))


def open_sealed(text: str, *, context: str, provider: KeyProvider | None = None) -> bytes:
    """Decrypt what `seal` made for the same context.

    Raises: SealBroken when it does not belong here or was altered; UnknownKey when its key is gone.
    """
    key_id, wrapped, sealed = _split(text)
    wrapping_key = (provider or default_provider()).opening_key(key_id)
    data_key = _decrypt(wrapping_key, wrapped, _bind("key", key_id, context))
    return _decrypt(data_key, sealed, _bind("data", key_id, context))


def open_secret(text: str, *, context: str, provider: KeyProvider | None = None) -> Secret:
    """As `open_sealed`, for text, in the type that does not print itself."""
    return Secret(open_sealed(text, context=context, provider=provider).decode("utf-8"))


def reseal(text: str, *, context: str, provider: KeyProvider | None = None) -> str:
    """Seal again under the newest key and a new data key. Raises as `open_sealed`."""
    return seal(open_sealed(text, context=context, provider=provider), context=context, provider=provider)


def seal_key_id(text: str) -> str:
    """Which key wraps this text; rotation looks for those that are not the newest. Raises: SealBroken."""
    return _split(text)[0]


def _bind(layer: str, key_id: str, context: str) -> bytes:
    if not context:
        raise ValueError("a seal needs the place it belongs to")
    return f"jit-seal {VERSION} {layer} {key_id} {context}".encode()


def _encrypt(key: bytes, plaintext: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound)


def _decrypt(key: bytes, raw: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise SealBroken from None


def _split(text: str) -> tuple[str, bytes, bytes]:
    parts = text.split(".")
    if len(parts) != 4 or parts[0] != VERSION or not KEY_ID.fullmatch(parts[1]):
        raise SealBroken
    wrapped, sealed = _from_text(parts[2]), _from_text(parts[3])
    if len(wrapped) != _NONCE_BYTES + KEY_BYTES + _TAG_BYTES or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise SealBroken
    return parts[1], wrapped, sealed


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _from_text(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SealBroken from None
    if _to_text(raw) != text:  # one text per secret: loose trailing bits are refused too
        raise SealBroken
    return raw

"""Signatures over the head of the log: Ed25519, with keys from a PEM file.

The file may hold several blocks. The last private key signs; every block, private or public, may verify, so that a
key can be retired without making old checkpoints unreadable.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b, sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from jit_access.core.keys import create_private_file, may_create_secrets

# 128 bits: whoever guesses one still has to find a root that was signed.
MAC_BYTES = 16
_MOST_REMEMBERED = 64
_BLOCK = re.compile(rb"-----BEGIN (PRIVATE|PUBLIC) KEY-----.+?-----END \1 KEY-----", re.DOTALL)


def head_text(size: int, root_hex: str, at: str) -> bytes:
    """What is signed, for the head and for checkpoints alike. `at` as in records."""
    return f"jit-audit-head v1\n{size}\n{root_hex}\n{at}\n".encode("ascii")


@dataclass(frozen=True, slots=True)
class Verifier:
    """Public keys by id. All that somebody outside needs to check checkpoints and proofs."""

    keys: dict[str, Ed25519PublicKey]
    # What these keys were found to have signed lately. An append opens the head that the one before it signed, and
    # checking that again would cost as much as all the rest of its work.
    _proved: set[tuple[bytes, str, str]] = field(default_factory=set, init=False, repr=False, compare=False)

    def holds(self, text: bytes, signature: str, key_id: str = "") -> bool:
        """True when one of the keys (or the named one) made this signature."""
        if (text, signature, key_id) in self._proved:
            return True
        if not self._holds(text, signature, key_id):
            return False
        self.remember(text, signature, key_id)
        return True

    def remember(self, text: bytes, signature: str, key_id: str = "") -> None:
        """What is known to be true need not be computed again."""
        if len(self._proved) >= _MOST_REMEMBERED:
            self._proved.clear()
        self._proved.add((text, signature, key_id))

    def _holds(self, text: bytes, signature: str, key_id: str) -> bool:
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        wanted = [self.keys[key_id]] if key_id in self.keys else [] if key_id else list(self.keys.values())
        return any(_is_by(key, raw, text) for key in wanted)


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs now, with everything that may verify."""

    key_id: str
    verifier: Verifier
    _key: Ed25519PrivateKey = field(repr=False)
    _mac_keys: tuple[bytes, ...] = field(repr=False)  # the signing key's own is last

    def sign(self, text: bytes) -> str:
        signature = base64.b64encode(self._key.sign(text)).decode("ascii")
        self.verifier.remember(text, signature)
        return signature

    def mac(self, seq: int, leaf: bytes) -> str:
        """Binds a leaf to its place, under the key that signs now. Keyed BLAKE2b, RFC 7693."""
        text = seq.to_bytes(8, "big") + leaf
        return blake2b(text, digest_size=MAC_BYTES, key=self._mac_keys[-1]).hexdigest()

    def macs_from(self, seq: int, leaves: Iterable[bytes]) -> list[str]:
        """The same for leaves that follow one another."""
        key = self._mac_keys[-1]
        return [
            blake2b(place.to_bytes(8, "big") + leaf, digest_size=MAC_BYTES, key=key).hexdigest()
            for place, leaf in enumerate(leaves, seq)
        ]

    def macs(self, seq: int, leaf: bytes) -> set[str]:
        """What the mac may be, under each private key that is still held."""
        text = seq.to_bytes(8, "big") + leaf
        return {blake2b(text, digest_size=MAC_BYTES, key=key).hexdigest() for key in self._mac_keys}

    @property
    def knows_every_mac(self) -> bool:
        """False once a key is kept as its public half only: records of its time can then be named by range only."""
        return len(self._mac_keys) == len(self.verifier.keys)

    @property
    def public_key_hex(self) -> str:
        return self._key.public_key().public_bytes_raw().hex()


def load_signer() -> Signer:
    """The signer of settings.AUDIT_KEY_FILE; development and tests make a missing one. Raises: ImproperlyConfigured."""
    path = Path(settings.AUDIT_KEY_FILE)
    try:
        facts = _stat_or_create(path)
    except OSError as exc:
        raise ImproperlyConfigured(f"The audit key (JIT_AUDIT_KEY_FILE) cannot be read: {exc.strerror}.") from exc
    if str(settings.ENVIRONMENT) == "production" and facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ImproperlyConfigured("The audit key (JIT_AUDIT_KEY_FILE) is open to others; set its mode to 0600.")
    return _load(path, facts.st_ino, facts.st_mtime_ns)


def _stat_or_create(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        if not may_create_secrets():
            raise
    create_private_file(path, new_key_pem())
    return path.stat()


@lru_cache(maxsize=4)
def _load(path: Path, _inode: int, _changed_ns: int) -> Signer:
    return parse_signer(path.read_bytes())


def parse_signer(pem: bytes) -> Signer:
    """Read the key blocks. Raises: ImproperlyConfigured when no Ed25519 private key is among them."""
    private: dict[str, Ed25519PrivateKey] = {}
    public: dict[str, Ed25519PublicKey] = {}
    for block in _BLOCK.finditer(pem):
        key = _parse_block(block[0], is_private=block[1] == b"PRIVATE")
        known = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
        public[key_id_of(known)] = known
        if isinstance(key, Ed25519PrivateKey):
            private[key_id_of(known)] = key
    if not private:
        raise ImproperlyConfigured("The audit key (JIT_AUDIT_KEY_FILE) holds no Ed25519 private key.")
    key_id, signing = list(private.items())[-1]
    return Signer(key_id, Verifier(public), signing, tuple(_mac_key(key) for key in private.values()))


def _mac_key(key: Ed25519PrivateKey) -> bytes:
    return hmac.digest(key.private_bytes_raw(), b"jit-audit-record-mac v1", "sha256")


def _parse_block(pem: bytes, *, is_private: bool) -> Ed25519PrivateKey | Ed25519PublicKey:
    try:
        key = load_pem_private_key(pem, password=None) if is_private else load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: the parser's message may quote the file.
        raise ImproperlyConfigured("The audit key (JIT_AUDIT_KEY_FILE) holds a block that is not a key.") from None
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise ImproperlyConfigured("The audit key (JIT_AUDIT_KEY_FILE) must be Ed25519.")
    return key


def key_id_of(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 over the raw public key."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def new_key_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _is_by(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True

"""The checksums that S3 knows. CRC32, SHA-1 and SHA-256 are verified here; the store verifies the others, as all."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from typing import Protocol

PREFIX = "x-amz-checksum-"
_SIZES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
TRAILERS = frozenset(PREFIX + name for name in _SIZES)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class Checksum(Protocol):
    """Fed with the payload as it goes by."""

    def update(self, data: bytes, /) -> None:
        """Some of it."""

    def digest(self) -> bytes:
        """Of all so far."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def make_checksum(name: str) -> Checksum | None:
    """For a field's name; None for one whose value only the store verifies."""
    match name.removeprefix(PREFIX):
        case "crc32":
            return _Crc32()
        case "sha1":
            return hashlib.sha1(usedforsecurity=False)
        case "sha256":
            return hashlib.sha256()
        case _:
            return None


def read_checksum(name: str, text: str) -> bytes | None:
    """The bytes of a value, or None where it cannot be one of this kind."""
    size = _SIZES.get(name.removeprefix(PREFIX), 0)
    if not _BASE64.fullmatch(text) or len(text) != (size + 2) // 3 * 4:
        return None
    value = base64.b64decode(text)
    return value if len(value) == size else None

"""The checksums that S3 knows, verified as a body goes by. A store verifies them again, and keeps them.

CRC32C and CRC64NVME, which clients choose where they care for speed, come from AWS's own library: a loop of ours would
cost more than all the rest of an upload.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable
from typing import Protocol

from awscrt import checksums as crt

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.refusals import Unclassified

PREFIX = "x-amz-checksum-"
MD5 = "content-md5"
_SIZES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
TRAILERS = frozenset(PREFIX + name for name in _SIZES)
_CRC: dict[str, Callable[[bytes, int], int]] = {
    "crc32": zlib.crc32, "crc32c": crt.crc32c, "crc64nvme": crt.crc64nvme,
}  # fmt: skip
Promised = tuple[tuple[str, bytes], ...]  # by the name of the field, what the body must come to


class Checksum(Protocol):
    """Fed with the payload as it goes by."""

    def update(self, data: bytes, /) -> None:
        """Some of it."""

    def digest(self) -> bytes:
        """Of all so far."""


class _Crc:
    def __init__(self, step: Callable[[bytes, int], int], size: int) -> None:
        self._step, self._size, self._value = step, size, 0

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class Sums:
    """All that is promised of one body."""

    def __init__(self, promised: Promised) -> None:
        self._pairs = [(make_checksum(name), value) for name, value in promised]

    def update(self, data: bytes) -> None:
        """Some of it."""
        for running, _ in self._pairs:
            running.update(data)

    def hold(self) -> bool:
        """Is the whole what was promised?"""
        return all(hmac.compare_digest(running.digest(), value) for running, value in self._pairs)


def make_checksum(name: str) -> Checksum:
    """For a field's name that `read_checksum` took."""
    kind = name.removeprefix(PREFIX)
    if kind in _CRC:
        return _Crc(_CRC[kind], _SIZES[kind])
    return hashlib.new("md5" if name == MD5 else kind, usedforsecurity=False)


def read_checksum(name: str, text: str) -> bytes | None:
    """The bytes of a value, or None where it cannot be one of this kind."""
    size = 16 if name == MD5 else _SIZES.get(name.removeprefix(PREFIX), 0)
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Encoded again: bits that mean nothing at the end would be another spelling of the same.
    return value if len(value) == size and base64.b64encode(value).decode("ascii") == text else None


def promised_by(head: RequestHead) -> Promised:
    """What the head says of the body behind it. Raises Unclassified, for a value that cannot be one too."""
    named = [name for name, _ in head.headers if name == MD5.encode() or name.decode("ascii") in TRAILERS]
    if sum(name != MD5.encode() for name in named) > 1:
        raise _unreadable("Only one checksum goes with a request.")
    found: list[tuple[str, bytes]] = []
    for name in (item.decode("ascii") for item in named):
        value = read_checksum(name, (head.get(name.encode("ascii")) or b"").decode("ascii"))
        if value is None:
            raise _unreadable(f"{name} does not hold a checksum of its kind.")
        found.append((name, value))
    return tuple(found)


def _unreadable(sentence: str) -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, sentence, code="InvalidRequest")

"""Where a body ends. Known lengths are counted; chunked bodies are read by llhttp, with every leniency off.

The chunk reader is primed with a head of our own that says `Connection: close`, so that llhttp itself refuses
whatever follows the last chunk: a smuggled second request is never parsed.
"""

from __future__ import annotations

import re
from typing import Protocol

import httptools

from registry_proxy.protocols.http1 import CHUNKED, UNBOUNDED, FramingError

_PRIMER = b"POST / HTTP/1.1\r\nHost: body\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
# A chunk of one byte costs six on the wire; more than this much framing per byte is an attack on our CPU.
_MAX_OVERHEAD_BYTES = 64 * 1024
# llhttp swallows line breaks after the last chunk when they come in the same read; they would be the next request's.
_END = re.compile(rb"[^\r\n]\r\n\r\n")


class BodyReader(Protocol):
    """Takes raw bytes, gives payload, knows the end."""

    is_complete: bool
    remaining: int  # bytes that are known to be still to come; 0 when the end is marked in the body

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Payload found in `data`, and the bytes after the end of the body. Raises FramingError."""


class CountedBody:
    """A body with a known length. What follows it is handed back untouched."""

    __slots__ = ("is_complete", "remaining")

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.is_complete = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Count; the common case gives the same object back, without a copy."""
        if len(data) <= self.remaining:
            self.remaining -= len(data)
            self.is_complete = self.remaining == 0
            return data, b""
        payload, rest = data[: self.remaining], data[self.remaining :]
        self.remaining, self.is_complete = 0, True
        return payload, rest

    def skip(self, count: int) -> None:
        """So much of the body went past in the kernel, which was told never to move more than `remaining`."""
        self.remaining -= count
        self.is_complete = self.remaining == 0


class ChunkedBody:
    """A chunked body. Trailers and anything after the end are refused, chunk extensions are dropped."""

    remaining = 0

    def __init__(self) -> None:
        self.is_complete = False
        self._pieces: list[bytes] = []
        self._overhead = 0
        self._tail = b""
        self._parser = httptools.HttpRequestParser(self)
        self._is_primed = False
        self._parser.feed_data(_PRIMER)
        self._is_primed = True

    def on_header(self, _name: bytes, _value: bytes) -> None:
        """Called by llhttp for our own primer, and for trailers: those would be headers nobody evaluated."""
        if self._is_primed:
            raise FramingError("a chunked body has trailers")

    def on_body(self, data: bytes) -> None:
        """Called by llhttp with payload."""
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Called by llhttp at the last chunk."""
        self.is_complete = True

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Payload of whole and partial chunks. Nothing may follow the end."""
        if self.is_complete and data:
            raise FramingError("bytes follow a chunked body")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            raise FramingError("a chunked body is malformed") from exc
        self._tail = (self._tail + data[-5:])[-5:]
        if self.is_complete and not _END.fullmatch(self._tail):
            raise FramingError("bytes follow a chunked body")
        payload = b"".join(self._pieces)
        self._pieces.clear()
        self._overhead = max(0, self._overhead + len(data) - 8 * len(payload))
        if self._overhead > _MAX_OVERHEAD_BYTES:
            raise FramingError("a chunked body is mostly framing")
        return payload, b""


class RawBody:
    """What follows an agreed change of protocol: everything, until the peer ends its half."""

    is_complete = False
    remaining = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """As it came."""
        return data, b""

    def end(self) -> None:
        """The peer's half is over."""
        self.is_complete = True


def make_reader(length: int) -> BodyReader:
    """The reader for a body of this length."""
    if length == UNBOUNDED:
        return RawBody()
    return ChunkedBody() if length == CHUNKED else CountedBody(length)


def frame_chunk(payload: bytes) -> bytes:
    """One chunk on the wire."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


LAST_CHUNK = b"0\r\n\r\n"

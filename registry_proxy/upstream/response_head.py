"""A registry's response head, read as strictly as a client's request."""

from __future__ import annotations

import re
from functools import lru_cache

import httptools

from registry_proxy.protocols.headers import SINGLE_IN_ANSWERS
from registry_proxy.protocols.http1 import (
    CHUNKED,
    CONTENT_LENGTH,
    HEAD_END,
    UNBOUNDED,
    FramingError,
    Headers,
    ResponseHead,
    has_bare_line_break,
    list_tokens,
    parse_fields,
)
from registry_proxy.protocols.upgrades import SWITCHING, is_agreed

MAX_RESPONSE_HEAD_BYTES = 64 * 1024
LONGEST_KEPT_BYTES = 2048  # of a head that is remembered
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_BEGINNING = b"HTTP/1."


class HeadBuffer:
    """Collects bytes until a head is complete. What can never become one is refused at once, not at the deadline."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._looked_at = 0

    def __bool__(self) -> bool:
        """True while bytes wait that are not a whole head yet."""
        return bool(self._bytes)

    def feed(self, data: bytes) -> bytes | None:
        """The next whole head, ending in an empty line, or None. Raises FramingError."""
        self._bytes += data
        if not self._bytes.startswith(_BEGINNING[: len(self._bytes)]):
            raise FramingError("no status line")
        # Only what is new is looked at: a drip of single bytes must not cost its square.
        end = self._bytes.find(HEAD_END, max(0, self._looked_at - len(HEAD_END) + 1), MAX_RESPONSE_HEAD_BYTES)
        until = end + len(HEAD_END) if end >= 0 else len(self._bytes)
        if self._bytes[until - 1 : until] == b"\r":
            until -= 1  # its LF may still be on its way
        if has_bare_line_break(self._bytes, self._looked_at, until):
            raise FramingError("a bare line break in a response head")
        self._looked_at = until
        if end >= 0:
            raw = bytes(self._bytes[:until])
            del self._bytes[:until]
            self._looked_at = 0
            return raw
        if len(self._bytes) >= MAX_RESPONSE_HEAD_BYTES:
            raise FramingError("a response head without end")
        return None

    def take(self) -> bytes:
        """What followed the last head."""
        rest = bytes(self._bytes)
        self.clear()
        return rest

    def clear(self) -> None:
        """Forget everything."""
        self._bytes.clear()
        self._looked_at = 0


def read_response_head(raw: bytes, method: str, asked: bytes = b"") -> ResponseHead:
    """As `parse_response_head`. Many who fetch one thing in one second are sent one head, and it is parsed once."""
    parse = _parse_once if len(raw) <= LONGEST_KEPT_BYTES else parse_response_head
    return parse(raw, method, asked)


def parse_response_head(raw: bytes, method: str, asked: bytes = b"") -> ResponseHead:
    """Parse one complete head. `length` is what will follow on the wire. Raises FramingError.

    `asked`: the protocol that the request wanted to change into. Without it, or for another one, a 101 is an error.
    """
    if has_bare_line_break(raw):
        raise FramingError("a bare line break in a response head")
    first, _, rest = raw.partition(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if not found:
        raise FramingError("no status line")
    try:
        httptools.HttpResponseParser(object()).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # whether it was asked for is seen below
    except httptools.HttpParserError as exc:
        raise FramingError("llhttp does not accept the response head") from exc
    headers, status = parse_fields(rest[:-2]), int(found[2])
    is_current = found[1] == b"1"
    if not is_current and (status == SWITCHING or any(name == b"transfer-encoding" for name, _ in headers)):
        raise FramingError("HTTP/1.0 has neither transfer codings nor changes of protocol")
    _check_fields(headers)
    if status == SWITCHING:
        return _switched(ResponseHead(status, headers, UNBOUNDED, keep_alive=False), asked)
    keep_alive = is_current and b"close" not in list_tokens(headers, b"connection")
    return ResponseHead(status, headers, _length(headers, status, method), keep_alive)


_parse_once = lru_cache(maxsize=256)(parse_response_head)


def _switched(head: ResponseHead, asked: bytes) -> ResponseHead:
    is_framed = any(name in (b"content-length", b"transfer-encoding") for name, _ in head.headers)
    if is_framed or not is_agreed(head, asked):
        raise FramingError("a change of protocol that nobody asked for")
    return head


def _check_fields(headers: Headers) -> None:
    if len(dict(headers)) != len(headers):
        names = [name for name, _ in headers]
        if any(names.count(name) > 1 for name in SINGLE_IN_ANSWERS):
            raise FramingError("a field comes twice that means one thing only")
    # Digests are over the bytes as stored, and nobody here inflates: we asked for `identity` and take nothing else.
    if list_tokens(headers, b"content-encoding") - {b"identity"}:
        raise FramingError("compressed, although it was asked for plain")


def _length(headers: Headers, status: int, method: str) -> int:
    lengths = [value for name, value in headers if name == b"content-length"]
    encodings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) + len(encodings) > 1:
        raise FramingError("more than one framing field")
    if lengths and not CONTENT_LENGTH.fullmatch(lengths[0]):
        raise FramingError("Content-Length is not a plain number")
    if encodings and encodings[0] != b"chunked":
        raise FramingError("an unknown transfer coding")
    if (status < 200 or status == 204) and (encodings or (lengths and int(lengths[0]))):
        raise FramingError("a body is announced where none may be")  # RFC 9110 8.6, RFC 9112 6.1
    if method == "HEAD" or status in (204, 304) or status < 200:
        return 0
    if encodings:
        return CHUNKED
    if not lengths:
        # A body that ends with the connection cannot be told from one that was cut short.
        raise FramingError("the body has no marked end")
    return int(lengths[0])

"""A registry's response head, read as strictly as a client's request."""

from __future__ import annotations

import re

import httptools

from registry_proxy.protocols.http1 import (
    BARE_LINE_BREAK,
    CHUNKED,
    CONTENT_LENGTH,
    HEAD_END,
    FramingError,
    Headers,
    ResponseHead,
    list_tokens,
    parse_fields,
)

MAX_RESPONSE_HEAD_BYTES = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")


def parse_response_head(raw: bytes, method: str) -> ResponseHead:
    """Parse one complete head. `length` is what will follow on the wire. Raises FramingError."""
    if BARE_LINE_BREAK.search(raw):
        raise FramingError("a bare line break in a response head")
    first, *lines = raw[: -len(HEAD_END)].split(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if not found:
        raise FramingError("no status line")
    try:
        httptools.HttpResponseParser(object()).feed_data(raw)
    except httptools.HttpParserUpgrade as exc:
        raise FramingError("a change of protocol nobody asked for") from exc
    except httptools.HttpParserError as exc:
        raise FramingError("llhttp does not accept the response head") from exc
    headers, status = parse_fields(lines), int(found[2])
    keep_alive = found[1] == b"1" and b"close" not in list_tokens(headers, b"connection")
    return ResponseHead(status, headers, _length(headers, status, method), keep_alive)


def _length(headers: Headers, status: int, method: str) -> int:
    lengths = [value for name, value in headers if name == b"content-length"]
    encodings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) + len(encodings) > 1:
        raise FramingError("more than one framing field")
    if lengths and not CONTENT_LENGTH.fullmatch(lengths[0]):
        raise FramingError("Content-Length is not a plain number")
    if encodings and encodings[0] != b"chunked":
        raise FramingError("an unknown transfer coding")
    if method == "HEAD" or status in (204, 304) or status < 200:
        return 0
    if encodings:
        return CHUNKED
    if not lengths:
        # A body that ends with the connection cannot be told from one that was cut short.
        raise FramingError("the body has no marked end")
    return int(lengths[0])

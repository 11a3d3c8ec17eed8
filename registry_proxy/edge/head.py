"""Raw bytes of a request head into a `RequestHead`, or a refusal.

Order: line breaks and size, request line, target, fields, Host, framing, connection words, then llhttp's opinion.
Cases: threats of groups A and B (request smuggling, path confusion), one file each in tests/adversarial/corpus.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import httptools

from jit_access.domain.reasons import Reason
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal, malformed
from registry_proxy.edge.target import check_target
from registry_proxy.edge.upgrade import read_upgrade
from registry_proxy.protocols.http1 import (
    CHUNKED,
    CONTENT_LENGTH,
    HEAD_END,
    FramingError,
    Headers,
    RequestHead,
    has_bare_line_break,
    list_tokens,
    parse_fields,
)

# By name. Only for the fields of `_SINGLE`, and for whether a field is there at all.
Fields = dict[bytes, bytes]

METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE"})
_KNOWN_ELSEWHERE = frozenset({b"TRACE", b"TRACK", b"CONNECT", b"OPTIONS"})
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,20}) (\S+) HTTP/([0-9])\.([0-9])")
_HOST = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# Fields that mean one thing only: a second line would leave the choice to whoever reads next.
_SINGLE = frozenset(
    b"host content-length transfer-encoding authorization content-type content-range range expect cookie "
    b"content-encoding if-match if-none-match if-range if-modified-since if-unmodified-since user-agent".split()
)
_TLS_HANDSHAKE = 0x16  # RFC 8446 5.1; some clients try TLS first
_NOT_TO_BE_NAMED = frozenset({b"host", b"content-length", b"transfer-encoding", b"authorization", b"te"})


def find_head_end(buffer: bytes | bytearray, limits: EdgeLimits, seen: int = 0) -> int:
    """Index just past the head, or 0 when more bytes are needed. Refuses early what can never become valid.

    `seen` bytes were looked at before: a head that comes byte by byte must not cost its square.
    """
    if buffer and not 0x41 <= buffer[0] <= 0x7A:
        if buffer[0] == _TLS_HANDSHAKE:
            raise EdgeRefusal(400, Reason.TLS_ON_PLAIN_PORT)
        raise malformed("it does not begin with a method")
    begin = max(0, seen - len(HEAD_END) + 1)
    end = buffer.find(HEAD_END, begin, limits.head_bytes)
    # A CR at the very end may be half of a line break that is still on its way.
    stop = end + len(HEAD_END) if end >= 0 else len(buffer) - buffer.endswith(b"\r")
    if has_bare_line_break(buffer, begin, stop):
        raise malformed("a line break or a NUL byte stands where none may stand")
    if end >= 0:
        return stop
    if len(buffer) >= limits.head_bytes:
        raise EdgeRefusal(431, Reason.REQUEST_TOO_LARGE)
    return 0


@dataclass(frozen=True, slots=True)
class FieldBlock:
    """What the fields of a head say, whatever its first line is."""

    headers: Headers
    host: bytes
    length: int  # of the body, or CHUNKED
    keep_alive: bool
    expects_continue: bool
    upgrade: bytes


def read_head(raw: bytes, limits: EdgeLimits) -> RequestHead:
    """Parse one complete head, ending in an empty line. Raises EdgeRefusal."""
    line, block = split_head(raw)
    method, target = read_request_line(line, limits)
    return put_together(raw, method, target, read_fields(block, limits), limits)


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """The first line, and the lines of fields, each with its CRLF."""
    line, _, rest = raw.partition(b"\r\n")
    return line, rest[:-2]


def read_fields(block: bytes, limits: EdgeLimits) -> FieldBlock:
    """Everything that does not hang on method and target. Raises EdgeRefusal."""
    if block.count(b"\r\n") > limits.header_count:
        raise EdgeRefusal(431, Reason.REQUEST_TOO_LARGE)
    try:
        headers = parse_fields(block)
    except FramingError as exc:
        raise malformed(str(exc)) from exc
    fields = dict(headers)
    if len(fields) != len(headers):
        _check_single(headers)
    host = _read_host(fields)
    length = _read_length(fields)
    if length > limits.body_bytes:
        raise EdgeRefusal(413, Reason.REQUEST_TOO_LARGE)
    connection = _read_connection(headers, fields)
    upgrade = read_upgrade(headers, connection, limits.upgrades)
    if upgrade and length != 0:
        raise malformed("a change of protocol has no body before it")
    expects = _read_expect(fields)
    # Whatever comes of a change of protocol, no other request follows on the same connection.
    keep_alive = b"close" not in connection and not upgrade
    return FieldBlock(headers, host, length, keep_alive, expects and length != 0, upgrade)


def put_together(raw: bytes, method: str, target: bytes, fields: FieldBlock, limits: EdgeLimits) -> RequestHead:
    """What was read of both parts of `raw`, if they go together. Raises EdgeRefusal."""
    if fields.length != 0 and method in _WITHOUT_BODY and not _is_meant(method, target, limits):
        raise malformed(f"{method} does not take a body")
    _second_opinion(raw, method, changes=bool(fields.upgrade))
    return RequestHead(
        method, target, fields.headers, fields.host, fields.length, fields.keep_alive, fields.expects_continue,
        fields.upgrade,
    )  # fmt: skip


def read_request_line(line: bytes, limits: EdgeLimits) -> tuple[str, bytes]:
    """Method and target. Raises EdgeRefusal."""
    if len(line) > limits.target_bytes + 32:
        raise EdgeRefusal(414, Reason.REQUEST_TOO_LARGE)
    found = _REQUEST_LINE.fullmatch(line)
    if not found:
        raise malformed("the request line is not METHOD SP target SP HTTP/1.1")
    method, target, major, minor = found.groups()
    if (major, minor) != (b"1", b"1"):
        raise EdgeRefusal(505, Reason.MALFORMED_REQUEST, "The gateway speaks HTTP/1.1 only.")
    if method not in METHODS:
        status = 405 if method in _KNOWN_ELSEWHERE else 501
        if method.upper() != method:
            raise malformed("methods are written in upper case")
        raise EdgeRefusal(status, Reason.METHOD_NOT_ALLOWED)
    if len(target) > limits.target_bytes:
        raise EdgeRefusal(414, Reason.REQUEST_TOO_LARGE)
    check_target(target, limits.paths)
    return method.decode("ascii"), target


def _is_meant(method: str, target: bytes, limits: EdgeLimits) -> bool:
    """RFC 9110, 9.3.5: a body of DELETE means nothing unless its protocol says so."""
    return method == "DELETE" and target[1:].partition(b"/")[0] in limits.deleting


def _check_single(headers: Headers) -> None:
    for name, count in Counter(name for name, _ in headers).items():
        if count > 1 and name in _SINGLE:
            raise malformed(f"the field {name.decode()} comes twice")


def _read_host(fields: Fields) -> bytes:
    host = fields.get(b"host")
    if host is None or not _HOST.fullmatch(host):
        raise malformed("it needs one valid Host field")
    return host


def _read_length(fields: Fields) -> int:
    encoding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
    if encoding is not None and length is not None:
        raise malformed("it has both Content-Length and Transfer-Encoding")
    if encoding is not None and encoding.lower() != b"chunked":
        raise EdgeRefusal(501, Reason.MALFORMED_REQUEST, "The only transfer coding understood here is chunked.")
    if length is not None and not CONTENT_LENGTH.fullmatch(length):
        raise malformed("its Content-Length is not a plain number")
    if b"trailer" in fields:
        raise malformed("trailers are not taken")
    return CHUNKED if encoding is not None else int(length or 0)


def _read_connection(headers: Headers, fields: Fields) -> frozenset[bytes]:
    if b"http2-settings" in fields:
        raise malformed("the gateway does not change protocols")
    words = list_tokens(headers, b"connection")
    if words & _NOT_TO_BE_NAMED:
        raise malformed("Connection names a field that may not be dropped")
    return words


def _read_expect(fields: Fields) -> bool:
    expect = fields.get(b"expect")
    if expect is None:
        return False
    if expect.lower() != b"100-continue":
        raise EdgeRefusal(417, Reason.MALFORMED_REQUEST, "The only expectation understood here is 100-continue.")
    return True


def _second_opinion(raw: bytes, method: str, *, changes: bool) -> None:
    """llhttp must read the same method from the same bytes; a body is not fed, so it cannot complete twice."""
    parser = httptools.HttpRequestParser(object())
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # said by `should_upgrade` below as well
    except httptools.HttpParserError as exc:
        raise malformed("llhttp does not accept its head") from exc
    is_same = parser.get_method() == method.encode() and parser.get_http_version() == "1.1"
    if not is_same or parser.should_upgrade() is not changes:
        raise malformed("two readers read its head in two ways")

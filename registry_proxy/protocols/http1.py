"""Words of HTTP/1.1 that both legs share: heads, field names, the line breaks that we refuse.

RFC 9112. Names are lower-case bytes once parsed; values keep their bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Headers = tuple[tuple[bytes, bytes], ...]

HEAD_END = b"\r\n\r\n"
_CR = 0x0D
CHUNKED = -1  # a body length that is not known before its end
UNBOUNDED = -2  # whatever comes until the connection ends: only after an agreed change of protocol
FIELD_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Visible ASCII, space and tab. Bytes above 0x7e have no agreed meaning in a field (RFC 9110 5.5), so we pass none on.
# Possessive throughout: whatever the bytes are, each is looked at once. Every line ends in CRLF here, the last one too.
_FIELDS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e]*+\r\n)*+")
CONTENT_LENGTH = re.compile(rb"[0-9]{1,18}")
_NOTHING: frozenset[bytes] = frozenset()
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class FramingError(Exception):
    """The peer's bytes have no single meaning. The text is ours, never the peer's."""


def first_value(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a field, by lower-case name. A plain loop: asked several times for each head."""
    for key, value in headers:
        if key == name:
            return value
    return None


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request head that passed the edge: one Host, one framing, known method, HTTP/1.1."""

    method: str
    target: bytes  # raw, as evaluated and as forwarded after the target slug is taken out
    headers: Headers
    host: bytes
    length: int  # bytes of the body, or CHUNKED
    keep_alive: bool
    expects_continue: bool
    upgrade: bytes = b""  # the protocol that the client wants to change into, lower case; then keep_alive is false

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by lower-case name."""
        return first_value(self.headers, name)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A response head as the registry sent it. `length` is CHUNKED when the end is marked in the body."""

    status: int
    headers: Headers
    length: int
    keep_alive: bool

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by lower-case name."""
        return first_value(self.headers, name)


def parse_fields(block: bytes) -> Headers:
    """Field lines, each with its CRLF, into pairs. Raises FramingError on obs-fold, space before the colon and foreign
    bytes.
    """
    pairs = [line.partition(b":") for line in block.split(b"\r\n")[:-1]]
    # One look at all of them: most requests cost less than their own parsing would.
    if not _FIELDS.fullmatch(block):
        if all(colon and FIELD_NAME.fullmatch(name) for name, colon, _ in pairs):
            raise FramingError("a header value holds bytes that are not text")
        raise FramingError("a header line has no valid name")
    return tuple([(name.lower(), value.strip(b" \t")) for name, _, value in pairs])


def has_bare_line_break(data: bytes | bytearray, begin: int = 0, end: int | None = None) -> bool:
    """True when a CR, an LF or a NUL stands outside a CRLF, between `begin` and `end`.

    RFC 9112 2.2 lets a lenient reader take a bare LF as a line end; two readers then disagree on where a head ends.
    Counting is done for every head, and ten times as fast as a pattern that looks around at each byte.
    """
    if begin and data[begin - 1] == _CR:
        begin -= 1
    pairs = data.count(b"\r\n", begin, end)
    return (
        data.count(b"\n", begin, end) != pairs
        or data.count(b"\r", begin, end) != pairs
        or data.find(b"\x00", begin, end) >= 0
    )


def list_tokens(headers: Headers, name: bytes) -> frozenset[bytes]:
    """The lower-case members of a comma list, over all lines of that field."""
    lists = [value for key, value in headers if key == name]
    if not lists:
        return _NOTHING
    return frozenset([word for value in lists for item in value.split(b",") if (word := item.strip().lower())])


def is_token(text: str) -> bool:
    """True for an RFC 9110 token."""
    return bool(_TOKEN.fullmatch(text))


def render_head(first_line: bytes, headers: Headers) -> bytes:
    """The bytes of a head. Names and values were checked when they came in, or are our own."""
    return b"\r\n".join([first_line, *map(b": ".join, headers), HEAD_END[2:]])

"""Heads of a registry, in the pieces in which they come."""

from __future__ import annotations

import pytest

from registry_proxy.protocols.http1 import CHUNKED, UNBOUNDED, FramingError
from registry_proxy.upstream.response_head import MAX_RESPONSE_HEAD_BYTES, HeadBuffer, parse_response_head

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_head_is_found_in_any_pieces(size: int) -> None:
    buffer, found = HeadBuffer(), None
    whole = HEAD + b"hello"
    for at in range(0, len(whole), size):
        found = buffer.feed(whole[at : at + size])
        if found is not None:
            break
    assert found == HEAD
    assert b"hello".startswith(buffer.take())


def test_several_heads_in_one_piece_come_one_by_one() -> None:
    buffer = HeadBuffer()
    assert buffer.feed(HEAD + HEAD + b"HTTP/1.1") == HEAD
    assert buffer.feed(b"") == HEAD
    assert buffer.feed(b"") is None
    assert buffer


@pytest.mark.parametrize(
    "pieces",
    [
        [b"<html>"], [b"H", b"TTP/2"], [b"HTTP/1.1 200 OK\n"], [b"HTTP/1.1 200 OK\r", b"X"],
        [b"HTTP/1.1 200 OK\r\n", b"\n"],
        [b"HTTP/1.1 200 OK\r\nA: b\x00"], [b"HTTP/1.1 200 OK\r\nA: b\r\r\n"], [b"\r\nHTTP/1.1 200 OK\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"a" * MAX_RESPONSE_HEAD_BYTES],
    ],
)  # fmt: skip
def test_what_can_never_become_a_head_is_refused_at_once(pieces: list[bytes]) -> None:
    buffer = HeadBuffer()
    for piece in pieces[:-1]:
        assert buffer.feed(piece) is None
    with pytest.raises(FramingError):
        buffer.feed(pieces[-1])


@pytest.mark.parametrize(
    ("head", "method", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", 5),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\n", "GET", 5),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", 5),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", CHUNKED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 0),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "GET", 0),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "GET", 0),
    ],
)
def test_length_is_what_follows_on_the_wire(head: bytes, method: str, length: int) -> None:
    assert parse_response_head(head, method).length == length


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: Echo\r\nConnection: Upgrade\r\n\r\n"


def test_change_of_protocol_needs_somebody_who_asked() -> None:
    assert parse_response_head(SWITCH, "GET", b"echo").length == UNBOUNDED
    doubtful = (SWITCH.replace(b"1.1", b"1.0"), SWITCH.replace(b"Echo", b"Echo\r\nContent-Length: 0"))
    for head, asked in ((SWITCH, b""), (SWITCH, b"h2c"), *((head, b"echo") for head in doubtful)):
        with pytest.raises(FramingError):
            parse_response_head(head, "GET", asked)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity, zstd\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /a\r\nlocation: /b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 Odd\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_head_with_two_readings_is_refused(head: bytes) -> None:
    with pytest.raises(FramingError):
        parse_response_head(head, "GET")

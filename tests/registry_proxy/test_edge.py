"""Reading one head: whole, byte by byte, and what it must hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_proxy.edge.head import find_head_end, read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.edge.target import check_target
from registry_proxy.protocols.http1 import CHUNKED

LIMITS = EdgeLimits()
FINE = b"PUT /v2/demo/a/manifests/x?tag=y HTTP/1.1\r\nHost: GW:5000\r\nContent-Length: 7\r\nAccept: a/b\r\n\r\n"


def test_whole_head_is_read() -> None:
    head = read_head(FINE, LIMITS)
    assert (head.method, head.target, head.host, head.length) == ("PUT", b"/v2/demo/a/manifests/x?tag=y", b"GW:5000", 7)
    assert head.keep_alive
    assert not head.expects_continue
    assert head.get(b"accept") == b"a/b"


def test_head_arriving_byte_by_byte_is_neither_refused_nor_found_early() -> None:
    """A CR at the end of what arrived so far is not a bare CR yet."""
    for size in range(len(FINE)):
        assert find_head_end(FINE[:size], LIMITS) == 0
    assert find_head_end(FINE + b"body", LIMITS) == len(FINE)


@given(
    st.lists(st.sampled_from([b"GET / HTTP/1.1", b"\r\n", b"\r", b"\n", b"\x00", b"X: y", b" "]), max_size=12).map(
        b"".join
    ),
    st.data(),
)
def test_head_in_pieces_is_judged_as_in_one(raw: bytes, data: st.DataObject) -> None:
    """What was looked at before is not looked at again, and nothing is missed at the seams."""
    whole, at, seen, pieces = judge(raw, 0), 0, 0, 0
    while at < len(raw) and not pieces:
        at += data.draw(st.integers(1, len(raw) - at))
        pieces, seen = judge(raw[:at], seen), at
    assert pieces == whole


def judge(raw: bytes, seen: int) -> int:
    try:
        return find_head_end(raw, LIMITS, seen)
    except EdgeRefusal as refusal:
        return -refusal.http_status


def test_bare_line_break_is_refused_before_the_head_is_complete() -> None:
    with pytest.raises(EdgeRefusal):
        find_head_end(b"GET /v2/ HTTP/1.1\nHost", LIMITS)


def test_chunked_body_and_expectation_are_understood() -> None:
    raw = b"PATCH /v2/a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n"
    head = read_head(raw, LIMITS)
    assert head.length == CHUNKED
    assert head.expects_continue


def test_connection_close_is_understood() -> None:
    assert not read_head(b"GET /v2/ HTTP/1.1\r\nHost: gw\r\nConnection: x, Close\r\n\r\n", LIMITS).keep_alive


@pytest.mark.parametrize("host", [b"gw", b"gw:80", b"gw.example-1.org", b"127.0.0.1:5000", b"[::1]:5000", b"[::1]"])
def test_usual_hosts_are_taken(host: bytes) -> None:
    assert read_head(b"GET /v2/ HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", LIMITS).host == host


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_never_a_crash(raw: bytes) -> None:
    data = raw + b"\r\n\r\n"
    try:
        end = find_head_end(data, LIMITS)
        if end:
            read_head(data[:end], LIMITS)
    except EdgeRefusal:
        pass


@given(st.text(alphabet="/.%ab2fFeE;\\#?~-_:", max_size=40))
def test_accepted_paths_have_one_spelling(text: str) -> None:
    """Decoding and dot removal change nothing in a path that was accepted."""
    target = b"/" + text.encode()
    try:
        check_target(target)
    except EdgeRefusal:
        return
    path = target.partition(b"?")[0]
    assert b"%" not in path
    assert not {b".", b".."} & set(path.split(b"/"))
    assert b"//" not in path

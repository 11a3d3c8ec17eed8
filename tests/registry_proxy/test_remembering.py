"""What is remembered between requests reads as if it were read again, and is soon forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_proxy.edge.head import read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.protocols.http1 import FramingError, RequestHead
from registry_proxy.protocols.oci.routes import classify
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.server import remembering
from registry_proxy.server.remembering import HeadReader
from registry_proxy.upstream.response_head import parse_response_head, read_response_head

LIMITS = EdgeLimits(deleting=frozenset({b"api"}))
LINES = [b"GET /v2/ HTTP/1.1", b"HEAD /v2/a/b/blobs/c HTTP/1.1", b"PUT /v2/ HTTP/1.1", b"DELETE /v2/ HTTP/1.1",
         b"DELETE /api/x HTTP/1.1", b"GET /a%2fb HTTP/1.1", b"get / HTTP/1.1", b"GET / HTTP/1.0"]  # fmt: skip
FIELDS = [b"Host: gw:5000", b"Host: other", b"Content-Length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked",
          b"Connection: close", b"Connection: host", b"Expect: 100-continue", b"Expect: x", b"Accept: */*",
          b"Bad Name: x", b"Upgrade: echo", b"Content-Length: +5", b"Authorization: Bearer x"]  # fmt: skip


def made(line: bytes, fields: list[bytes]) -> bytes:
    return b"\r\n".join((line, *fields, b"", b""))


def judged(read: object, raw: bytes) -> RequestHead | tuple[int, str, str]:
    try:
        return read(raw)  # type: ignore[operator, no-any-return]  # one of two readers
    except EdgeRefusal as refusal:
        return refusal.http_status, refusal.reason, refusal.sentence


@given(st.lists(st.tuples(st.sampled_from(LINES), st.lists(st.sampled_from(FIELDS), max_size=4)), max_size=12))
def test_remembered_heads_are_read_as_if_each_were_the_first(asked: list[tuple[bytes, list[bytes]]]) -> None:
    """Refusals too: with the same status, reason and words, whatever came before."""
    reader = HeadReader(LIMITS)
    for line, fields in [*asked, *asked]:
        raw = made(line, fields)
        assert judged(reader.read, raw) == judged(lambda raw: read_head(raw, LIMITS), raw)


def test_same_fields_below_another_line_are_judged_with_it() -> None:
    """A body that PUT may have is not let through with GET because its fields were fine before."""
    reader, fields = HeadReader(LIMITS), [b"Host: gw", b"Content-Length: 5"]
    assert reader.read(made(b"PUT /v2/ HTTP/1.1", fields)).length == 5
    with pytest.raises(EdgeRefusal):
        reader.read(made(b"GET /v2/ HTTP/1.1", fields))
    with pytest.raises(EdgeRefusal):
        reader.read(made(b"DELETE /v2/ HTTP/1.1", fields))
    assert reader.read(made(b"DELETE /api/x HTTP/1.1", fields)).length == 5


def test_same_bytes_are_read_once_until_they_are_forgotten() -> None:
    reader, raw = HeadReader(LIMITS), made(LINES[0], [b"Host: gw", b"Authorization: Bearer x"])
    first = reader.read(raw)
    assert reader.read(raw) is first
    reader.forget()
    again = reader.read(raw)
    assert again == first
    assert again is not first


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "MOST", 3)
    reader = HeadReader(LIMITS)
    for number in range(10):
        reader.read(made(b"GET /v2/%d HTTP/1.1" % number, [b"Host: gw%d" % number]))
        assert reader.remembered <= 2 * remembering.MOST


def test_long_heads_are_not_kept() -> None:
    reader = HeadReader(LIMITS)
    raw = made(LINES[0], [b"Host: gw", b"Accept: " + b"x" * remembering.LONGEST_BYTES])
    assert reader.read(raw) is not reader.read(raw)
    assert reader.remembered == 0


def test_answer_to_another_method_is_another_answer() -> None:
    """HEAD announces a length that does not follow; taking GET's reading for it would lose the step."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert [read_response_head(raw, method).length for method in ("GET", "HEAD", "GET")] == [5, 0, 5]
    assert read_response_head(raw, "GET") == parse_response_head(raw, "GET")


def test_change_of_protocol_is_asked_about_each_time() -> None:
    raw = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
    assert read_response_head(raw, "GET", b"echo").status == 101
    for _ in range(2):
        with pytest.raises(FramingError):
            read_response_head(raw, "GET")


def test_route_is_remembered_with_its_method_and_type() -> None:
    path = b"/v2/demo/a/manifests/v1"
    assert classify("GET", path, b"") is classify("GET", path, b"")
    assert classify("PUT", path, b"").wanted != classify("GET", path, b"").wanted
    for _ in range(2):
        with pytest.raises(Unclassified):
            classify("PUT", path, b"multipart/form-data")

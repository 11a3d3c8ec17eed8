"""Case 27: where an upload goes on. Only path and query of a Location are taken, only inside the repository; a push
that follows the registry's own Location would go around the gateway, unlogged."""

from __future__ import annotations

import pytest

from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import Stage
from tests.adversarial.hostile.upstream import answering

START = "/v2/demo/a/blobs/uploads/"
INSIDE = [
    "/v2/a/blobs/uploads/1?_state=x", "{own}/v2/a/blobs/uploads/1?_state=x",
    "https://127.0.0.1:{port}/v2/a/blobs/uploads/1?_state=x",  # a registry behind a proxy of its own
    "http://127.0.0.1:1/v2/a/blobs/uploads/1?_state=x", "//127.0.0.1/v2/a/blobs/uploads/1?_state=x",
    "1?_state=x", "?_state=x", "/v2/a/./blobs/uploads/1?_state=x", "http://gw.example/v2/a/blobs/uploads/1?_state=x",
]  # fmt: skip
OUTSIDE = [
    "http://evil.example/v2/a/blobs/uploads/1", "//evil.example/v2/a/blobs/uploads/1", "https://bucket.example/put?sig=s",
    "http://127.0.0.1.evil.example/v2/a/blobs/uploads/1", "http://127.0.0.1@evil.example/v2/a/blobs/uploads/1",
    "http://evil.example#@127.0.0.1/v2/a/blobs/uploads/1", "/v2/other/blobs/uploads/1",
    "/v2/a/../other/blobs/uploads/1",
    "/v2/a/%2e%2e/other/blobs/uploads/1", "/v2/a/blobs/uploads/..%2f..%2fother", "/v2/a//blobs/uploads/1",
    "/v2/ab/blobs/uploads/1", "/v2/a", "/", "", "file:///v2/a/blobs/uploads/1",
    "gopher://127.0.0.1/v2/a/blobs/uploads/1", "http:/v2/a/blobs/uploads/1", "/\\evil.example/v2/a/blobs/uploads/1",
    "/v2/a/blobs/uploads/1#x", "http:///v2/a/blobs/uploads/1", "/v2/a/blobs/uploads/\t1", "http://2130706433/v2/a/x",
]  # fmt: skip


def accepted(location: bytes) -> bytes:
    return b"HTTP/1.1 202 Accepted\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("location", INSIDE)
def test_location_inside_goes_through_the_gateway(location: str, stage: Stage, serve: Serve) -> None:
    """Scheme, host and port are ours whatever the registry wrote, so a downgrade cannot reach the client."""
    registry = serve(answering(b""))
    text = location.replace("{own}", registry.url).replace("{port}", str(registry.port))
    registry.script = answering(accepted(text.encode()))
    stage.target(registry)
    answer = stage.ask("POST", START)
    assert answer.status == 202
    number = "" if location == "?_state=x" else "1"
    assert answer.headers[b"location"] == f"http://gw.example/v2/demo/a/blobs/uploads/{number}?_state=x".encode()


@pytest.mark.parametrize("location", OUTSIDE)
def test_location_outside_ends_the_upload(location: str, stage: Stage, serve: Serve) -> None:
    registry = serve(answering(accepted(location.encode())))
    stage.target(registry)
    stage.refused(stage.ask("POST", START), "upstream-redirect-refused")
    registry.wait_until_left(1)


@pytest.mark.parametrize(
    ("break_", "reason"),
    [(b"\n", "upstream-broken"), (b"\r", "upstream-broken"), (b"\x00", "upstream-broken"),
     (b"\x0b", "upstream-broken"), (b"\xc4\x8d\xc4\x8a", "upstream-broken"), (b"%0d%0a", "upstream-redirect-refused")],
)  # fmt: skip
def test_location_with_a_line_break(break_: bytes, reason: str, stage: Stage, serve: Serve) -> None:
    registry = serve(answering(accepted(b"/v2/a/blobs/uploads/1" + break_ + b"Set-Cookie: evil=1")))
    stage.target(registry)
    answer = stage.ask("POST", START)
    stage.refused(answer, reason)
    assert not [value for value in answer.headers.values() if b"evil" in value]


def test_query_of_a_session_is_opaque_and_goes_back_byte_for_byte(stage: Stage, serve: Serve) -> None:
    state = "_state=%7B%22a%22%3A1%7D&b=%2Fx%2f&c"
    registry = serve(answering(accepted(f"/v2/a/blobs/uploads/1?{state}".encode())))
    stage.target(registry)
    location = stage.ask("POST", START).headers[b"location"].decode()
    assert location.endswith(f"/1?{state}")
    stage.ask("PATCH", location.removeprefix("http://gw.example"), body=b"x")
    sent = b"".join(registry.connections)
    assert f"PATCH /v2/a/blobs/uploads/1?{state} HTTP/1.1\r\n".encode() in sent


@pytest.mark.parametrize(
    "link",
    ['<http://evil.example/v2/a/tags/list?last=b>; rel="next"', '</v2/other/tags/list?last=b>; rel="next"',
     '<//evil.example/v2/a/tags/list>; rel="next"', '</v2/a/tags/list?x>; rel="prev"', "</v2/a/../o>; rel=next"],
)  # fmt: skip
def test_next_page_elsewhere_is_left_out(link: str, stage: Stage, serve: Serve) -> None:
    registry = serve(answering(f"HTTP/1.1 200 OK\r\nLink: {link}\r\nContent-Length: 2\r\n\r\n{{}}".encode()))
    stage.target(registry)
    answer = stage.ask("GET", "/v2/demo/a/tags/list")
    assert (answer.status, answer.body) == (200, b"{}")
    assert b"link" not in answer.headers

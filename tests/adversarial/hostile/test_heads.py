"""Case 29, heads: an answer with two readings, or with none, is a 502, and its connection never serves again."""

from __future__ import annotations

import pytest

from registry_proxy.upstream import client as upstream_client
from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import BODY, OK, D, Stage, head_at_home, plain
from tests.adversarial.hostile.upstream import Peer, answering, answering_then_ending

PATH = f"/v2/a/blobs/{D}".encode()
SMUGGLED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines]) + b"\r\n\r\n"


BROKEN = {
    "two-lengths": head(b"Content-Length: 5", b"Content-Length: 6") + b"hello!",
    "two-equal-lengths": head(b"Content-Length: 5", b"Content-Length: 5") + b"hello",
    "list-of-lengths": head(b"Content-Length: 5, 5") + b"hello",
    "length-and-chunked": head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED,
    "chunked-and-length": head(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n" + SMUGGLED,
    "plus-length": head(b"Content-Length: +5") + b"hello",
    "negative-length": head(b"Content-Length: -1") + b"hello",
    "hex-length": head(b"Content-Length: 0x5") + b"hello",
    "float-length": head(b"Content-Length: 5.0") + b"hello",
    "empty-length": head(b"Content-Length: ") + b"hello",
    "underscore-length": head(b"Content-Length: 1_0") + b"hello",
    "overflowing-length": head(b"Content-Length: 18446744073709551621") + b"hello",
    "no-length": head() + b"no end marked",
    "gzip-coding": head(b"Transfer-Encoding: gzip") + b"hello",
    "gzip-then-chunked": head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "chunked-twice": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "xchunked": head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "chunked-vertical-tab": head(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n",
    "space-before-colon": head(b"Content-Length : 5") + b"hello",
    "obs-fold": head(b"Content-Length: 5", b"X: a", b" b") + b"hello",
    "obs-fold-of-a-length": head(b"Content-Length:", b" 5") + b"hello",
    "field-without-colon": head(b"Content-Length: 5", b"X") + b"hello",
    "field-without-name": head(b"Content-Length: 5", b": x") + b"hello",
    "cr-in-a-value": head(b"Content-Length: 5", b"X: a\rSet-Cookie: b") + b"hello",
    "lf-in-a-value": head(b"Content-Length: 5", b"X: a\nSet-Cookie: b") + b"hello",
    "nul-in-a-value": head(b"Content-Length: 5", b"X: a\x00b") + b"hello",
    "nul-in-a-name": head(b"Content-Length: 5", b"X\x00: b") + b"hello",
    "control-in-a-value": head(b"Content-Length: 5", b"X: \x1b[31m") + b"hello",
    "high-bytes-in-a-value": head(b"Content-Length: 5", b"X: \xc3\xa9") + b"hello",
    "bare-lf-lines": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "two-status-lines": b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "line-before-the-status": b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "http-0.9": b"<html>hello</html>",
    "http-0.9-long": b"<html>" + b"x" * 1_000_000,
    "http-1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "http-2": b"HTTP/2 200\r\nContent-Length: 5\r\n\r\nhello",
    "http-2-frames": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18,
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "icy": b"ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "status-of-two-digits": b"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello",
    "status-of-four-digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello",
    "status-with-a-sign": b"HTTP/1.1 +200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "status-999": b"HTTP/1.1 999 OK\r\nContent-Length: 5\r\n\r\nhello",
    "no-status": b"HTTP/1.1  OK\r\nContent-Length: 5\r\n\r\nhello",
    "huge-field": head(b"X: " + b"y" * 100_000, b"Content-Length: 5") + b"hello",
    "endless-fields": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
    "flood-of-100": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    "flood-of-103": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 10_000,
    "100-with-a-body": b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + OK,
    "101-unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + OK,
    "101-bare": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
    "chunked-in-1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "204-with-a-length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "204-chunked": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip": head(b"Content-Encoding: gzip", b"Content-Length: 5") + b"hello",
    "zstd-chunked": head(b"Content-Encoding: zstd", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "two-digests": head(b"Docker-Content-Digest: sha256:a", b"Docker-Content-Digest: sha256:b", b"Content-Length: 0"),
    "closed-at-once": b"",
    "closed-in-the-head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "closed-after-100": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_head_that_cannot_be_passed_on(name: str, stage: Stage, serve: Serve) -> None:
    """The registry is asked once: what began to answer may have acted."""
    registry = serve(answering_then_ending(BROKEN[name]))
    stage.target(registry)
    answer = stage.ask()
    stage.refused(answer, "upstream-away" if name == "closed-at-once" else "upstream-broken")
    assert b"hello" not in answer.body
    assert b"poison" not in answer.body
    assert [plain(item) for item in registry.connections] == [head_at_home(registry, b"GET", PATH)]
    registry.wait_until_left(1)


@pytest.mark.parametrize(
    "before",
    [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 8],
)
def test_plain_answer_after_few_interim_ones(before: bytes, stage: Stage, serve: Serve) -> None:
    """The twin: also in single bytes, also from HTTP/1.0."""
    registry = serve(answering(before + OK.replace(b"HTTP/1.1 200", b"HTTP/1.0 200")))
    stage.target(registry)
    answer = stage.ask()
    assert (answer.status, answer.body) == (200, BODY)
    assert not {b"link", b"server"} & answer.headers.keys()


def test_head_in_single_bytes(stage: Stage, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send_slowly(OK[:60])
        await peer.send(OK[60:])

    stage.target(serve(script))
    assert stage.ask().body == BODY


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_head_that_does_not_come_is_504(
    said: bytes, stage: Stage, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(upstream_client, "RESPONSE_TIMEOUT_S", 0.2)
    registry = serve(answering(said))
    stage.target(registry)
    stage.refused(stage.ask(), "upstream-away", 504)
    assert len(registry.connections) == 1
    registry.wait_until_left(1)


def test_head_in_a_drip_is_504_too(stage: Stage, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is progress, but the deadline is for the whole head."""
    monkeypatch.setattr(upstream_client, "RESPONSE_TIMEOUT_S", 0.2)

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            await peer.send_slowly(b"y")

    registry = serve(script)
    stage.target(registry)
    answer = stage.ask()
    assert answer.status in (502, 504)  # a fast drip may reach the size limit first
    registry.wait_until_left(1)


def test_reflected_fields_do_not_reach_the_client(stage: Stage, serve: Serve) -> None:
    """A registry that hands our own credential back in its fields."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        credential = next(line for line in request.split(b"\r\n") if line.startswith(b"authorization"))
        fields = [credential, b"X-Echo: " + credential, b"Set-Cookie: a=" + credential, b"Server: " + credential,
                  b"WWW-Authenticate: " + credential, b"Content-Length: 0"]  # fmt: skip
        await peer.send(head(*fields))

    stage.target(serve(script))
    assert stage.ask().status == 200

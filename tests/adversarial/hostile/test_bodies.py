"""Case 28 and 29, bodies: short, long, endless, torn, lying. The client never takes a part for the whole, and nothing
is inflated or kept."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest

from jit_access.domain.scopes import ResourceScope
from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import BLOB, BODY, OK, D, Stage, head_at_home, plain
from tests.adversarial.hostile.upstream import Peer, answering, answering_then_ending
from tests.support.gateway import PULL
from tests.support.processes import wait_for
from tests.support.raw import read_all, read_head

PATH = f"/v2/a/blobs/{D}".encode()
BIG = b"w" * 1_000_000  # goes by the kernel path
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def counted(body: bytes, length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (length, body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def client_got(stage: Stage) -> bytes:
    """The relayed body, as far as it came."""
    return stage.send(stage.request("GET", BLOB)).partition(b"\r\n\r\n")[2]


TORN = {
    "short": counted(BODY[:-100], len(BODY)),
    "short-by-one": counted(BODY[:-1], len(BODY)),
    "short-big": counted(BIG, len(BIG) + 1),
    "nothing": counted(b"", len(BODY)),
    "long": counted(BODY + b"x", len(BODY)),
    "long-big": counted(BIG + b"x", len(BIG)),
    "second-answer": counted(BODY, len(BODY)) + counted(b"poison", 6),
    "chunk-without-end": CHUNKED + chunk(b"hello"),
    "chunk-torn": CHUNKED + b"ff\r\nhello",
    "chunk-size-letters": CHUNKED + chunk(b"hello") + b"ZZ\r\n",
    "chunk-size-0x": CHUNKED + chunk(b"hello") + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-sign": CHUNKED + chunk(b"hello") + b"+5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-minus": CHUNKED + chunk(b"hello") + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-space": CHUNKED + chunk(b"hello") + b" 5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-empty": CHUNKED + chunk(b"hello") + b"\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflow": CHUNKED + chunk(b"hello") + b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk-size-underscore": CHUNKED + chunk(b"hello") + b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
    "chunk-bare-lf": CHUNKED + chunk(b"hello") + b"5\nhello\n0\n\n",
    "chunk-bare-cr": CHUNKED + chunk(b"hello") + b"5\rhello\r0\r\r",
    "chunk-longer-than-said": CHUNKED + chunk(b"hello") + b"5\r\nhello!\r\n0\r\n\r\n",
    "chunk-without-break": CHUNKED + chunk(b"hello") + b"5\r\nhello0\r\n\r\n",
    "chunk-extension-lf": CHUNKED + chunk(b"hello") + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "chunk-extension-endless": CHUNKED + chunk(b"hello") + b"5;" + b"x" * 200_000,
    "chunk-framing-only": CHUNKED + (b"1;" + b"x" * 100 + b"\r\ny\r\n") * 2000 + b"0\r\n\r\n",
    "chunk-trailer": CHUNKED + chunk(b"hello") + b"0\r\nX-Evil: 1\r\n\r\n",
    "chunk-trailer-length": CHUNKED + chunk(b"hello") + b"0\r\nContent-Length: 3\r\n\r\n",
    "chunk-and-more": CHUNKED + chunk(b"hello") + b"0\r\n\r\nmore",
    "chunk-second-answer": CHUNKED + chunk(b"hello") + b"0\r\n\r\n" + counted(b"poison", 6),
    "chunk-last-torn": CHUNKED + chunk(b"hello") + b"0\r\n",
}


@pytest.mark.parametrize("name", TORN)
def test_torn_body_never_ends_cleanly(name: str, stage: Stage, serve: Serve) -> None:
    """One answer of ours at most, reset, recorded as cut, asked once, hung up on."""
    answer = TORN[name]
    registry = serve(answering_then_ending(answer))
    stage.target(registry)
    received = client_got(stage)
    record = stage.cut("upstream-broken")
    assert b"poison" not in received
    assert not received.endswith(b"0\r\n\r\n")
    if b"Content-Length" in answer:
        announced = int(answer.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        assert len(received) < announced
    assert record["bytes_out"] <= len(answer)  # type: ignore[operator]
    assert [plain(item) for item in registry.connections] == [head_at_home(registry, b"GET", PATH)]
    registry.wait_until_left(1)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_whole_body_in_any_pieces_and_chunks(size: int, stage: Stage, serve: Serve) -> None:
    """The twin, split everywhere; extensions are legal and go nowhere."""
    chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(BODY[at : at + size]), BODY[at : at + size])
                      for at in range(0, min(len(BODY), 200 * size), size))  # fmt: skip
    sent = min(len(BODY), 200 * size)

    async def script(peer: Peer) -> None:
        await peer.read_head()
        whole = CHUNKED + chunks + b"0\r\n\r\n"
        for at in range(0, len(whole), 97):
            await peer.send(whole[at : at + 97])
            await asyncio.sleep(0)

    stage.target(serve(script))
    with socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60) as client:
        client.sendall(stage.request("GET", BLOB))
        head = read_head(client)
        assert b"transfer-encoding: chunked" in head
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += client.recv(65536)
    assert dechunked(received) == BODY[:sent]


def dechunked(received: bytes) -> bytes:
    """Chunks as we write them: a size, nothing else."""
    payload = b""
    while received != b"0\r\n\r\n":
        size, _, received = received.partition(b"\r\n")
        length = int(size, 16)
        payload, received = payload + received[:length], received[length:].removeprefix(b"\r\n")
    return payload


# -- what a digest says


@pytest.mark.parametrize("answer", [OK[:-1] + b"X", counted(b"", 0), counted(BODY + b"x", len(BODY) + 1)])
def test_body_with_another_digest_is_withheld(answer: bytes, stage: Stage, serve: Serve) -> None:
    """The last slice stays here, so no client ever holds the whole of what was wrong; and it is not kept anywhere."""
    registry = serve(answering(answer))
    stage.target(registry)
    stage.held = stage.gateway.grant("demo", ResourceScope("a", PULL), verify=True)
    announced = int(answer.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    assert len(client_got(stage)) < max(announced, 1)
    assert stage.cut("digest-mismatch")["reference"] == D
    registry.script = answering(OK)
    assert stage.ask().body == BODY
    assert len(registry.connections) == 2


@pytest.mark.parametrize("framing", ["counted", "chunked"])
def test_right_digest_passes(framing: str, stage: Stage, serve: Serve) -> None:
    stage.target(serve(answering(OK if framing == "counted" else CHUNKED + chunk(BODY) + b"0\r\n\r\n")))
    stage.held = stage.gateway.grant("demo", ResourceScope("a", PULL), verify=True)
    assert BODY in client_got_until_end(stage)


def client_got_until_end(stage: Stage) -> bytes:
    return stage.send(stage.request("GET", BLOB, "Connection: close"))


# -- compressed, although asked for plain


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP", b"x-gzip", b"deflate", b"br", b"zstd", b"identity, gzip"])
@pytest.mark.parametrize("path", [BLOB, "/v2/demo/a/manifests/v1", "/v2/demo/a/tags/list"])
def test_compressed_answer_is_refused_unread(coding: bytes, path: str, stage: Stage, serve: Serve) -> None:
    """A bomb of 10 MB that would become 10 GB: its head is enough. Digests are over the bytes as stored."""
    bomb = gzip.compress(b"\0" * 10_000_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(bomb), bomb)
    registry = serve(answering(answer))
    stage.target(registry)
    for scope in (ResourceScope("a", PULL), ResourceScope("a", PULL, tags=("v1",))):
        stage.held = stage.gateway.grant("demo", scope)
        if scope.tags and path == BLOB:
            continue
        stage.refused(stage.ask("GET", path), "upstream-broken")


def test_blob_that_is_an_archive_passes_as_it_is(stage: Stage, serve: Serve) -> None:
    """The twin: layers are gzip files, and that is nobody's business here."""
    archive = gzip.compress(b"\0" * 1_000_000)
    typed = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\nContent-Encoding: identity\r\nContent-Length: %d\r\n\r\n"
    )
    stage.target(serve(answering(typed % len(archive) + archive)))
    answer = stage.ask()
    assert (answer.body, answer.headers[b"content-type"]) == (archive, b"application/gzip")
    assert b"content-encoding" not in answer.headers


# -- endless


@pytest.mark.parametrize("path", ["/v2/demo/a/manifests/v1", "/v2/demo/a/tags/list"])
@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked", b"Content-Length: 999999999999999999"])
def test_endless_body_that_has_to_be_read_whole(path: str, framing: bytes, stage: Stage, serve: Serve) -> None:
    """A narrowed grant reads manifests and lists before it passes them on: up to 4 MiB."""
    piece = b"x" * 65536

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        while True:
            await peer.send(chunk(piece) if b"chunked" in framing else piece)

    registry = serve(script)
    stage.target(registry)
    stage.held = stage.gateway.grant("demo", ResourceScope("a", PULL, tags=("v1",)))
    stage.refused(stage.ask("GET", path), "upstream-broken")
    registry.wait_until_left(1)


def test_endless_blob_ends_with_its_grant(stage: Stage, serve: Serve) -> None:
    """There is no length to wait for; what ends it is the guard between slices."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(CHUNKED)
        while True:
            await peer.send(chunk(b"x" * 65536))

    registry = serve(script)
    stage.target(registry)
    with socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60) as client:
        client.sendall(stage.request("GET", BLOB))
        for _ in range(50):
            assert client.recv(65536)
        stage.gateway.revoke(stage.held)
        assert not read_all(client).endswith(b"0\r\n\r\n")
    stage.cut("grant-revoked")
    registry.wait_until_left(1)


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked", b"Content-Length: 1000000"])
def test_body_that_stands_still_is_cut(framing: bytes, stage: Stage, serve: Serve) -> None:
    """Slow drip too: under the least rate it only holds its place."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        while True:
            await peer.send(chunk(b"x") if b"chunked" in framing else b"x")
            await asyncio.sleep(0.05)

    registry = serve(script)
    stage.target(registry)
    assert len(client_got(stage)) < 1000
    stage.cut("upstream-away")
    registry.wait_until_left(1)


# -- bodies where none may be


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"304 Not Modified"), ("DELETE", b"204 No Content")]
)  # fmt: skip
@pytest.mark.parametrize("when", ["together", "later"])
def test_body_where_none_may_be_is_never_the_next_answer(
    method: str, status: bytes, when: str, stage: Stage, serve: Serve
) -> None:
    """Response smuggling: whatever follows such a head would be taken for the answer to the next request."""
    poison = counted(b"poison", 6)
    length = b"" if status.startswith(b"204") else b"Content-Length: %d\r\n" % len(poison)

    async def script(peer: Peer) -> None:
        first = await peer.read_head()
        if first.startswith(method.encode()) and peer.number == 1:
            head = b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n"
            await peer.send(head + poison if when == "together" else head)
            if when == "later":
                await released.wait()
                await peer.send(poison)
                sent.append(True)
        else:
            await peer.send(OK)

    released, sent = asyncio.Event(), list[bool]()
    registry = serve(script)
    stage.target(registry)
    path = "/v2/demo/a/manifests/v1" if method == "DELETE" else BLOB
    answer = stage.ask(method, path)
    assert (answer.status, answer.body) == (int(status[:3]), b"")
    registry.call(released.set)
    if when == "later":
        wait_for(lambda: bool(sent), "the poison was sent")
    assert stage.ask().body == BODY
    assert len(registry.connections) == 2

"""Kept connections: used again only when both sides ended where they said, and asked again only when nobody can have
heard us."""

from __future__ import annotations

import asyncio

import pytest

from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import BLOB, BODY, OK, D, Stage, head_at_home, plain
from tests.adversarial.hostile.upstream import Peer, answering
from tests.support.processes import wait_for

PATH = f"/v2/a/blobs/{D}".encode()
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def test_connection_in_step_is_used_again(stage: Stage, serve: Serve) -> None:
    """The twin of everything below."""
    registry = serve(answering(OK))
    stage.target(registry)
    for _ in range(3):
        assert stage.ask().body == BODY
    one = head_at_home(registry, b"GET", PATH)
    assert [plain(item) for item in registry.connections] == [one * 3]


@pytest.mark.parametrize("said", [b"Connection: close", b"Connection: x, CLOSE", b"Connection: close, keep-alive"])
def test_connection_that_is_said_to_close_is_not_used_again(said: bytes, stage: Stage, serve: Serve) -> None:
    registry = serve(answering(OK.replace(b"\r\n\r\n", b"\r\n" + said + b"\r\n\r\n", 1)))
    stage.target(registry)
    for _ in range(2):
        assert stage.ask().body == BODY
    assert len(registry.connections) == 2


def test_old_protocol_is_not_used_again(stage: Stage, serve: Serve) -> None:
    registry = serve(
        answering(OK.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n", 1))
    )
    stage.target(registry)
    for _ in range(2):
        assert stage.ask().body == BODY
    assert len(registry.connections) == 2


@pytest.mark.parametrize("extra", [b"\r\n", b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"])
def test_bytes_between_two_answers_end_the_connection(extra: bytes, stage: Stage, serve: Serve) -> None:
    """Sent when the answer was over and the connection lay in the pool: the next request must not get them."""
    released, sent = asyncio.Event(), list[bool]()

    async def script(peer: Peer) -> None:
        while True:
            await peer.read_head()
            await peer.send(OK)
            if peer.number == 1:
                await released.wait()
                await peer.send(extra)
                sent.append(True)

    registry = serve(script)
    stage.target(registry)
    assert stage.ask().body == BODY
    registry.call(released.set)
    wait_for(lambda: bool(sent), "the extra bytes were sent")
    assert stage.ask().body == BODY
    assert [item.count(b"GET ") for item in registry.connections] == [1, 1]


@pytest.mark.parametrize("ends", ["closes", "resets"])
def test_connection_that_ends_just_as_it_is_used_again(ends: str, stage: Stage, serve: Serve) -> None:
    """The registry took the bytes and said nothing at all: a GET is asked again, once, on a new connection."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(OK)
        if peer.number == 1:
            await peer.read_head()
            await (peer.finish() if ends == "closes" else peer.reset())
        else:
            await peer.drain_all()

    registry = serve(script)
    stage.target(registry)
    assert stage.ask().body == BODY
    assert stage.ask().body == BODY
    assert [item.count(b"GET ") for item in registry.connections] == [2, 1]


def test_second_connection_that_ends_too_is_a_502(stage: Stage, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        if peer.number == 1:
            await peer.send(OK)
            await peer.read_head()
        await peer.reset()

    registry = serve(script)
    stage.target(registry)
    assert stage.ask().body == BODY
    stage.refused(stage.ask(), "upstream-away")
    assert [item.count(b"GET ") for item in registry.connections] == [2, 1]


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"])  # fmt: skip
def test_what_was_answered_in_part_is_not_asked_again(said: bytes, stage: Stage, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(OK)
        await peer.read_head()
        await peer.send(said)
        await peer.finish()

    registry = serve(script)
    stage.target(registry)
    assert stage.ask().body == BODY
    received = stage.send(stage.request("GET", BLOB, "Connection: close"))
    assert not received.endswith(b"hello")
    assert [item.count(b"GET ") for item in registry.connections] == [2]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/v2/demo/a/blobs/uploads/", b""), ("DELETE", "/v2/demo/a/manifests/v1", b""),
     ("PUT", "/v2/demo/a/manifests/v1", b"{}"), ("PATCH", "/v2/demo/a/blobs/uploads/1", b"xyz")],
)  # fmt: skip
def test_what_changes_something_is_never_asked_twice(
    method: str, path: str, body: bytes, stage: Stage, serve: Serve
) -> None:
    """A registry that hangs up may have done it."""

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            if head.startswith(method.encode()):
                await peer.read(len(body))
                await peer.reset()
                return
            await peer.send(OK)

    registry = serve(script)
    stage.target(registry)
    assert stage.ask().body == BODY
    received = stage.send(stage.request(method, path, "Connection: close", body=body))
    assert b"upstream-away" in received
    assert b"".join(registry.connections).count(method.encode() + b" /") == 1


def test_answers_of_two_grants_never_mix(stage: Stage, serve: Serve) -> None:
    """A torn answer for one client leaves nothing behind for the next one."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        if peer.number == 1:
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nfirst client's secret")
        else:
            await peer.send(OK)
        await peer.drain_all()

    registry = serve(script)
    stage.target(registry)
    stage.send(stage.request("GET", BLOB))
    assert stage.ask().body == BODY
    assert len(registry.connections) == 2

"""A registry that answers before it has the whole body, or that says it has what it was not sent."""

from __future__ import annotations

import socket

import pytest

from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import BODY, OK, D, Stage
from tests.adversarial.hostile.upstream import Peer, Script
from tests.support.processes import wait_for
from tests.support.raw import read_all, read_answer

PUT = f"/v2/demo/a/blobs/uploads/1?digest={D}"
EMPTY = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n"


def early(answer: bytes) -> Script:
    """Answers the head of an upload, and reads on only as far as TCP makes it."""

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            if head.startswith(b"GET"):
                await peer.send(OK if b"/blobs/" in head else EMPTY % b"200 OK")
                continue
            await peer.send(answer)
            await peer.drain_all()

    return script


@pytest.mark.parametrize("status", [b"400 Bad", b"403 No", b"404 Unknown", b"413 Too Large", b"500 Broken"])
def test_early_refusal_reaches_the_client_and_ends_both_connections(status: bytes, stage: Stage, serve: Serve) -> None:
    registry = serve(early(EMPTY % status))
    stage.target(registry)
    with socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60) as client:
        client.sendall(stage.request("PUT", PUT, "Content-Length: 50000000") + b"x" * 1000)
        answer = read_answer(client)
        assert answer.status == int(status[:3])
        assert answer.headers[b"connection"] == b"close"
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    wait_for(lambda: registry.peers[-1].is_over, "the torn upload was hung up on")
    assert stage.ask().body == BODY
    assert b"".join(registry.connections).count(b"PUT /") == 1


@pytest.mark.parametrize("status", [b"201 Created", b"200 OK", b"202 Accepted", b"204 No Content"])
def test_early_success_is_a_lie(status: bytes, stage: Stage, serve: Serve) -> None:
    """The client would believe that its push is complete."""
    answer = EMPTY % status
    registry = serve(early(answer))
    stage.target(registry)
    with socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60) as client:
        client.sendall(stage.request("PUT", PUT, "Content-Length: 50000000") + b"x" * 1000)
        got = read_answer(client)
        client.shutdown(socket.SHUT_WR)
    stage.refused(got, "upstream-broken")
    wait_for(lambda: registry.peers[-1].is_over, "the torn upload was hung up on")


def test_whole_upload_is_answered(stage: Stage, serve: Serve) -> None:
    """The twin: the same answer after the last byte."""

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            if head.startswith(b"PUT"):
                await peer.read(1000)
            await peer.send(EMPTY % (b"201 Created" if head.startswith(b"PUT") else b"200 OK"))

    registry = serve(script)
    stage.target(registry)
    assert stage.ask("PUT", PUT, body=b"x" * 1000).status == 201
    assert registry.connections[-1].endswith(b"\r\n\r\n" + b"x" * 1000)


def test_registry_that_hangs_up_in_the_middle_is_a_502(stage: Stage, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            if head.startswith(b"PUT"):
                await peer.read(1000)
                await peer.reset()
                return
            await peer.send(EMPTY % b"200 OK")

    registry = serve(script)
    stage.target(registry)
    with socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60) as client:
        client.sendall(stage.request("PUT", PUT, "Content-Length: 50000000") + b"x" * 1000)
        answer = read_answer(client)
    stage.refused(answer, "upstream-away")
    assert b"".join(registry.connections).count(b"PUT /") == 1


def test_registry_that_takes_nothing_is_cut(stage: Stage, serve: Serve) -> None:
    """Its window closes, and nothing moves for a whole deadline."""

    async def script(peer: Peer) -> None:
        head = await peer.read_head()
        if head.startswith(b"GET"):
            await peer.send(EMPTY % b"200 OK")
            await peer.read_head()
        await peer.stall()

    registry = serve(script)
    stage.target(registry)
    with socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60) as client:
        client.sendall(stage.request("PUT", PUT, "Content-Length: 50000000"))
        client.setblocking(False)
        piece = b"x" * 65536

        def push() -> bool:
            try:
                client.send(piece)
            except BlockingIOError:
                pass
            except ConnectionError:
                return True
            return bool(stage.gateway.records("proxy.transfer.cut", grant=stage.held.view.grant_id))

        wait_for(push, "the upload was cut")
    stage.cut("upstream-away")


def test_continue_is_ours_and_the_registry_is_not_asked_for_it(stage: Stage, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        for _ in range(2):  # the first one asks how to sign in
            if b"PUT" in await peer.read_head():
                await peer.read(2)  # a yes before the whole body is there would not be believed
            await peer.send(EMPTY % b"200 OK")
        await peer.drain_all()

    registry = serve(script)
    stage.target(registry)
    with socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60) as client:
        client.sendall(stage.request("PUT", "/v2/demo/a/manifests/v1", "Expect: 100-continue", "Content-Length: 2"))
        assert read_answer(client).status == 100
        client.sendall(b"{}")
        assert read_answer(client).status == 200
    assert b"expect" not in b"".join(registry.connections).lower()

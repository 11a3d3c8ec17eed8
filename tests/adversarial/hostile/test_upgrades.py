"""Case 8: changes of protocol, as CVE-2018-1002105 teaches. There a refused upgrade left the connection open, and the
next bytes of the client ran with the proxy's own identity.

OCI has no such route, so these cases put a protocol of their own behind the real listener: blobs may become an echo.
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from registry_proxy.protocols.dialects import Dialects
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.oci.dialect import OciDialect
from registry_proxy.protocols.wanted import Classified, Upgrade
from registry_proxy.settings import Limits
from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import BASIC, BLOB, BODY, OK, D, Stage, plain
from tests.adversarial.hostile.upstream import HostileUpstream, Peer, Script
from tests.support.gateway import Gateway, running_gateway
from tests.support.processes import LONGEST_WAIT_S, wait_for
from tests.support.raw import read_all, read_answer, read_head

YES = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n"
    b"X-Echo-Version: 1\r\nSet-Cookie: a=b\r\n\r\n"
)
ASK = ("Connection: Upgrade", "Upgrade: Echo")
SMUGGLED = b"GET /v2/secret/blobs/x HTTP/1.1\r\nhost: registry\r\n\r\n"
_ECHO = Upgrade(frozenset({b"echo"}), frozenset({b"x-echo-version"}), frozenset({b"x-echo-version"}))


class WithEcho(OciDialect):
    """OCI, but blobs may be changed into an echo."""

    upgrades = _ECHO.protocols

    def classify(self, head: RequestHead) -> Classified:
        classified = super().classify(head)
        return replace(classified, upgrade=_ECHO) if classified.route == "blob" else classified


@pytest.fixture(scope="module")
def echo_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    limits = Limits(idle_body_deadline_s=0.6, idle_tunnel_s=1.5)
    with running_gateway(tmp_path_factory.mktemp("echo"), limits=limits, dialects=Dialects(WithEcho())) as running:
        yield running


@pytest.fixture
def echo_stage(
    echo_gateway: Gateway, control: HostileUpstream, caplog: pytest.LogCaptureFixture
) -> Iterator[Stage]:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    case = Stage(echo_gateway, control)
    yield case
    case.check_afterwards(caplog.text)


def answering_upgrade(answer: bytes, then: Callable[[Peer], object] | None = None) -> Script:
    """One head, one answer, and then as told; a plain OK for whoever asks without an Upgrade."""

    async def script(peer: Peer) -> None:
        head = await peer.read_head()
        await peer.send(answer if b"upgrade: echo" in head else OK)
        if then is not None:
            await then(peer)  # type: ignore[misc]  # a coroutine function
        await peer.drain_all()

    return script


async def echo(peer: Peer) -> None:
    """Gives back what it gets, and ends when the other side does."""
    while data := await peer.read_some():
        await peer.send(data)
    await peer.finish()


def connect(stage: Stage) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stage.gateway.port), timeout=60)


def opened(stage: Stage, *early: bytes) -> socket.socket:
    """A client whose connection is raw."""
    client = connect(stage)
    client.sendall(stage.request("GET", BLOB, *ASK) + b"".join(early))
    assert read_head(client).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    return client


def head_of_upgrade(upstream: HostileUpstream, *own: bytes) -> bytes:
    return b"\r\n".join([
        b"GET /v2/a/blobs/" + D.encode() + b" HTTP/1.1", *own, b"host: 127.0.0.1:%d" % upstream.port,
        b"accept-encoding: identity", b"authorization: Basic " + BASIC, b"x-request-id: ID",
        b"x-forwarded-proto: http", b"x-forwarded-host: gw.example", b"traceparent: ID", b"connection: upgrade",
        b"upgrade: echo",
    ]) + b"\r\n\r\n"  # fmt: skip


def received_by(upstream: HostileUpstream) -> bytes:
    return plain(b"".join(upstream.connections))


# -- agreed


def test_agreed_change_passes_raw_bytes_both_ways(echo_stage: Stage, serve: Serve) -> None:
    """The twin of everything below. The handshake's own field passes, a cookie does not; bytes are counted."""
    upstream = serve(answering_upgrade(YES + b"banner ", echo))
    echo_stage.target(upstream)
    with connect(echo_stage) as client:
        client.sendall(echo_stage.request("GET", BLOB, *ASK, "X-Echo-Version: 1", "Cookie: c=1") + b"early ")
        head = read_head(client)
        assert b"\r\nx-echo-version: 1\r\n" in head
        assert b"\r\nupgrade: echo\r\nconnection: upgrade\r\n" in head
        assert b"cookie" not in head
        client.sendall(SMUGGLED)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"banner early " + SMUGGLED
    record = echo_stage.gateway.wait_record("proxy.transfer.completed", grant=echo_stage.held.view.grant_id)
    assert (record["status"], record["bytes_in"], record["bytes_out"]) == (101, 6 + len(SMUGGLED), 13 + len(SMUGGLED))
    assert record["detail"]["upgrade"] == "echo"  # type: ignore[index]
    assert received_by(upstream) == head_of_upgrade(upstream, b"x-echo-version: 1") + b"early " + SMUGGLED
    upstream.wait_until_left(1)


def test_registry_may_end_its_half_first(echo_stage: Stage, serve: Serve) -> None:
    async def then(peer: Peer) -> None:
        await peer.send(b"all I have")
        await peer.finish()
        await peer.drain_all()

    upstream = serve(answering_upgrade(YES, then))
    echo_stage.target(upstream)
    with opened(echo_stage) as client:
        assert client.recv(100, socket.MSG_WAITALL) == b"all I have"
        client.sendall(b"still talking")
        wait_for(lambda: received_by(upstream).endswith(b"still talking"), "the other half went on")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    echo_stage.gateway.wait_record("proxy.transfer.completed", grant=echo_stage.held.view.grant_id)


def test_much_passes_and_a_slow_reader_holds_the_sender_back(echo_stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(YES, echo))
    echo_stage.target(upstream)
    much = bytes(range(256)) * 4096 * 8
    with opened(echo_stage) as client:
        client.setblocking(False)
        sent, gathered = 0, bytearray()
        while len(gathered) < len(much):
            readable, writable, _ = select.select([client], [client] if sent < len(much) else [], [], LONGEST_WAIT_S)
            assert readable or writable, "nothing moves"
            if writable:
                sent += client.send(much[sent : sent + 65536])
            if readable:  # a quarter of what is sent in the same time
                gathered += client.recv(16384)
    assert bytes(gathered) == much


# -- cut


@pytest.mark.parametrize("talks", [True, False])
def test_revocation_resets_both_sides(talks: bool, echo_stage: Stage, serve: Serve) -> None:
    """Also when nothing moves: the gate's watch reaches it, not only the question between slices."""
    upstream = serve(answering_upgrade(YES, echo))
    echo_stage.target(upstream)
    with opened(echo_stage) as client:
        client.sendall(b"before")
        assert client.recv(6, socket.MSG_WAITALL) == b"before"
        echo_stage.gateway.revoke(echo_stage.held)
        with pytest.raises(ConnectionResetError):
            _send_until_reset(client) if talks else client.recv(1)
    record = echo_stage.cut("grant-revoked")
    assert record["bytes_in"] >= 6  # type: ignore[operator]
    upstream.wait_until_left(1)


def _send_until_reset(client: socket.socket) -> None:
    try:
        while True:
            client.sendall(b"after")
    except BrokenPipeError as exc:  # the send before had the news of it
        raise ConnectionResetError from exc


def test_silence_is_bounded(echo_stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(YES, echo))
    echo_stage.target(upstream)
    with opened(echo_stage) as client, pytest.raises(ConnectionResetError):
        client.recv(1)
    echo_stage.cut("stream-idle")
    upstream.wait_until_left(1)


def test_registry_that_dies_resets_the_client(echo_stage: Stage, serve: Serve) -> None:
    async def then(peer: Peer) -> None:
        await peer.read(5)
        await peer.reset()

    echo_stage.target(serve(answering_upgrade(YES, then)))
    with opened(echo_stage) as client:
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    echo_stage.cut("upstream-broken")


def test_client_that_dies_resets_the_registry(echo_stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(YES, echo))
    echo_stage.target(upstream)
    client = opened(echo_stage)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    echo_stage.cut("client-went-away")
    upstream.wait_until_left(1)


# -- not agreed

NOT_A_YES = {
    "200": OK,
    "400": b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno",
    "403": b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
    "426": b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: echo\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
    "200-with-upgrade": b"HTTP/1.1 200 OK\r\nUpgrade: echo\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
    "500": b"HTTP/1.1 500 Bad\r\nContent-Length: 2\r\n\r\nno",
}


@pytest.mark.parametrize("name", NOT_A_YES)
def test_refused_change_is_an_ordinary_answer_and_the_last_one(name: str, echo_stage: Stage, serve: Serve) -> None:
    """What the client sends behind it, early or late, reaches nobody; neither connection is used again."""
    upstream = serve(answering_upgrade(NOT_A_YES[name]))
    echo_stage.target(upstream)
    with connect(echo_stage) as client:
        client.sendall(echo_stage.request("GET", BLOB, *ASK) + SMUGGLED)
        answer = read_answer(client)
        assert answer.status == int(name[:3])
        assert answer.headers[b"connection"] == b"close"
        assert b"upgrade" not in answer.headers
        client.sendall(SMUGGLED + echo_stage.request("GET", BLOB))
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    upstream.wait_until_left(1)
    assert received_by(upstream) == head_of_upgrade(upstream)
    assert echo_stage.ask().body == BODY
    assert len(upstream.connections) == 2


FALSE_YES = {
    "another-protocol": YES.replace(b"Upgrade: echo", b"Upgrade: h2c"),
    "two-protocols": YES.replace(b"Upgrade: echo", b"Upgrade: echo, h2c"),
    "said-twice": YES.replace(b"Upgrade: echo", b"Upgrade: echo\r\nUpgrade: h2c"),
    "no-protocol": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
    "no-connection": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n",
    "with-a-length": YES.replace(b"Set-Cookie: a=b", b"Content-Length: 5"),
    "chunked": YES.replace(b"Set-Cookie: a=b", b"Transfer-Encoding: chunked"),
    "bare-lf": YES.replace(b"\r\n", b"\n"),
    "old": YES.replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("name", FALSE_YES)
def test_yes_to_something_else_is_a_502(name: str, echo_stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(FALSE_YES[name] + OK))
    echo_stage.target(upstream)
    with connect(echo_stage) as client:
        client.sendall(echo_stage.request("GET", BLOB, *ASK) + SMUGGLED)
        answer = read_answer(client)
        echo_stage.refused(answer, "upstream-broken")
        assert read_all(client) == b""
    upstream.wait_until_left(1)
    assert received_by(upstream) == head_of_upgrade(upstream)


def test_yes_that_nobody_asked_for_is_a_502(echo_stage: Stage, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(YES)
        await echo(peer)

    upstream = serve(script)
    echo_stage.target(upstream)
    echo_stage.refused(echo_stage.ask(), "upstream-broken")
    upstream.wait_until_left(1)


def test_redirected_change_is_refused(echo_stage: Stage, serve: Serve) -> None:
    other = serve(answering_upgrade(YES, echo))
    upstream = serve(answering_upgrade(
        f"HTTP/1.1 307 Moved\r\nLocation: {other.url}/x\r\nContent-Length: 0\r\n\r\n".encode()))  # fmt: skip
    echo_stage.target(upstream, redirect_origins=(other.url,))
    with connect(echo_stage) as client:
        client.sendall(echo_stage.request("GET", BLOB, *ASK))
        echo_stage.refused(read_answer(client), "upstream-redirect-refused")
    assert other.connections == []


def test_change_is_never_asked_for_on_a_kept_connection_or_twice(echo_stage: Stage, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            if b"upgrade" in head:
                await peer.reset()
                return
            await peer.send(OK)

    upstream = serve(script)
    echo_stage.target(upstream)
    assert echo_stage.ask().body == BODY
    with connect(echo_stage) as client:
        client.sendall(echo_stage.request("GET", BLOB, *ASK))
        echo_stage.refused(read_answer(client), "upstream-away")
    assert [item.count(b"GET ") for item in upstream.connections] == [1, 1]


# -- not even asked


@pytest.mark.parametrize(
    "fields",
    [
        ("Upgrade: echo",), ("Connection: Upgrade",), ("Connection: Upgrade", "Upgrade: h2c"),
        ("Connection: Upgrade", "Upgrade: echo, h2c"), ("Connection: Upgrade", "Upgrade: echo", "Upgrade: echo"),
        ("Connection: Upgrade", "Upgrade: echo/1"), ("Connection: Upgrade", "Upgrade: "),
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: echo", "HTTP2-Settings: AAMAAABkAAQAAP__"),
        ("Connection: Upgrade", "Upgrade: websocket"),
    ],
)  # fmt: skip
def test_doubtful_wish_never_reaches_the_registry(fields: tuple[str, ...], echo_stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(YES, echo))
    echo_stage.target(upstream)
    (answer,) = _answers(echo_stage, echo_stage.request("GET", BLOB, *fields) + SMUGGLED)
    assert answer == 400
    assert upstream.connections == []


def test_wish_with_a_body_or_on_another_route_never_reaches_the_registry(echo_stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(YES, echo))
    echo_stage.target(upstream)
    for raw in (
        echo_stage.request("PUT", "/v2/demo/a/manifests/v1", *ASK, body=b"{}"),
        echo_stage.request("GET", "/v2/demo/a/tags/list", *ASK),
        echo_stage.request("GET", "/v2/demo/a/manifests/v1", *ASK),
    ):
        assert _answers(echo_stage, raw + SMUGGLED) == [400]
    assert upstream.connections == []


def test_wish_without_a_grant_is_refused_and_never_raw(echo_stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(YES, echo))
    echo_stage.target(upstream)
    echo_stage.gateway.revoke(echo_stage.held)
    assert _answers(echo_stage, echo_stage.request("GET", BLOB, *ASK) + SMUGGLED) == [403]
    assert upstream.connections == []


def test_oci_listener_takes_no_wish_at_all(stage: Stage, serve: Serve) -> None:
    upstream = serve(answering_upgrade(YES, echo))
    stage.target(upstream)
    for protocol in ("echo", "websocket", "h2c", "TLS/1.0", "SPDY/3.1"):
        raw = stage.request("GET", BLOB, "Connection: Upgrade", f"Upgrade: {protocol}")
        assert _answers(stage, raw + SMUGGLED) == [400]
    assert upstream.connections == []


def _answers(stage: Stage, raw: bytes) -> list[int]:
    """The statuses of all answers until the gateway hangs up."""
    received = stage.send(raw)
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]

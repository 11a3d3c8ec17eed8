"""Large bodies through the whole proxy over real sockets: downloads that the kernel moves, and how they end."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.stream.choosing import KERNEL_FROM_BYTES
from registry_proxy.stream.pump import SLICE_BYTES, Pump
from tests.support.gateway import PULL, Gateway, Held, running_gateway
from tests.support.processes import wait_for
from tests.support.raw import ScriptedUpstream, read_answer

READ_BYTES = 256 * 1024  # uvloop's read: what comes together with a head
BODY = os.urandom(1024 * 1024) * 24
TOKEN_LINE = "Authorization: Bearer "


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("kernel")) as running:
        yield running


class Blobs:
    """Answers `…/blobs/sha256:000…<length>` with the first `length` bytes of BODY."""

    def __init__(self) -> None:
        self.more = b""
        self.missing = 0

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        length = int(head.split(b" ")[1].rpartition(b":")[2])
        body = memoryview(BODY)[: length - self.missing]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + body[:SLICE_BYTES])
        connection.sendall(body[SLICE_BYTES:])  # no copies: a test looks at this process's memory
        connection.sendall(self.more)
        if self.missing:
            connection.close()


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def upstream(gateway: Gateway, blobs: Blobs) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(blobs) as running:
        gateway.add_target("demo", running.url)
        yield running


def ask(held: Held, length: int, *more: str) -> bytes:
    lines = [f"GET /v2/demo/a/blobs/sha256:{length:064d} HTTP/1.1", "Host: gw", TOKEN_LINE + held.token, *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@contextlib.contextmanager
def connected(gateway: Gateway, *, buffer: int = 0) -> Iterator[socket.socket]:
    with socket.socket() as client:
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(60)
        client.connect(("127.0.0.1", gateway.port))
        yield client


def takes(client: socket.socket, length: int) -> bool:
    """The next answer is exactly the first `length` bytes of BODY."""
    answer = read_answer(client, is_head=True)
    if (answer.status, answer.headers[b"content-length"]) != (200, b"%d" % length):
        return False
    left, received = length, hashlib.sha256()
    while left:
        piece = client.recv(min(left, SLICE_BYTES))
        if not piece:
            raise ConnectionAbortedError("a clean end in the middle of a body")
        received.update(piece)
        left -= len(piece)
    return received.digest() == hashlib.sha256(memoryview(BODY)[:length]).digest()


def rest_until_reset(client: socket.socket) -> int:
    """How much still came. A clean end is what must not happen."""
    total = 0
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            total += len(piece)
        pytest.fail("a torn body had a clean end")
    return total


@pytest.mark.parametrize(
    "length",
    [
        0, 1, KERNEL_FROM_BYTES - 1, KERNEL_FROM_BYTES, KERNEL_FROM_BYTES + 1, READ_BYTES + KERNEL_FROM_BYTES,
        SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 2 * SLICE_BYTES + READ_BYTES, len(BODY),
    ],
)  # fmt: skip
def test_every_length_arrives_and_both_connections_serve_again(
    gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump], length: int
) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    with connected(gateway) as client:
        for _ in range(3):
            client.sendall(ask(held, length))
            assert takes(client, length)
    assert len(upstream.requests) == 3
    assert len(upstream._sockets) == 1
    assert len(pumps) == (3 if length >= SLICE_BYTES else 0 if length < KERNEL_FROM_BYTES else len(pumps))
    gateway.wait_record("proxy.transfer.completed", grant=held.view.grant_id, bytes_out=length)


def test_next_request_waits_in_the_clients_socket_and_is_not_lost(
    gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump]
) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    lengths = (len(BODY), 10, SLICE_BYTES + 1, len(BODY))
    with connected(gateway) as client:
        client.sendall(b"".join(ask(held, length) for length in lengths))
        for length in lengths:
            assert takes(client, length)
    assert len(pumps) == 3


def test_short_body_ends_by_a_reset(gateway: Gateway, upstream: ScriptedUpstream, blobs: Blobs) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    blobs.missing = 1
    with connected(gateway) as client:
        client.sendall(ask(held, len(BODY)))
        with pytest.raises(ConnectionResetError):
            takes(client, len(BODY))
    gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id, reason="upstream-broken")


def test_bytes_past_the_end_are_nobodys_answer(gateway: Gateway, upstream: ScriptedUpstream, blobs: Blobs) -> None:
    """A registry that says more than it announced is never asked again on that connection."""
    held = gateway.grant("demo", ResourceScope("a", PULL))
    blobs.more = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    with connected(gateway) as client:
        client.sendall(ask(held, len(BODY)))
        with contextlib.suppress(ConnectionResetError):
            takes(client, len(BODY))
    wait_for(lambda: gateway.records("proxy.transfer", grant=held.view.grant_id), "the end of the transfer")
    blobs.more = b""
    with connected(gateway) as client:
        client.sendall(ask(held, 6))
        assert takes(client, 6)
    assert len(upstream._sockets) == 2


def test_client_that_leaves_takes_the_upstream_with_it(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    with connected(gateway, buffer=4096) as client:
        client.sendall(ask(held, len(BODY)))
        assert client.recv(100)
    gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id, reason="client-went-away")
    wait_for(lambda: upstream._sockets[0].fileno() < 0, "the upstream's connection to be reset too")


def test_revoked_download_leaks_no_more_than_sockets_hold(
    gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump]
) -> None:
    """What the kernel took over is dropped by the reset: the client has at most its own receive buffer left."""
    held = gateway.grant("demo", ResourceScope("a", PULL))
    with connected(gateway, buffer=16 * 1024) as client:
        client.sendall(ask(held, len(BODY)))
        for _ in range(64):
            assert client.recv(65536)
        wait_for(lambda: pumps and pumps[0].is_held_back, "a pump that waits for its client")
        gateway.revoke(held)
        cut = gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id, reason="grant-revoked")
        assert rest_until_reset(client) <= 64 * 1024
    assert 0 < int(str(cut["bytes_out"])) < len(BODY)


def test_slow_readers_cost_no_memory(gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump]) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    before = resident_kib()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(gateway, buffer=4096)) for _ in range(8)]
        for client in clients:
            client.sendall(ask(held, len(BODY)))
        wait_for(lambda: len(pumps) == 8 and all(pump.is_held_back for pump in pumps), "eight readers that wait")
        grown = resident_kib() - before
    assert grown < 8 * 2048  # a part of it is what the upstream of this test copies for its first write


def resident_kib() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def test_transfers_and_cuts_leave_no_descriptor_open(
    gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump]
) -> None:
    def transfers(count: int) -> None:
        for number in range(count):
            held = gateway.grant("demo", ResourceScope("a", PULL))
            with connected(gateway, buffer=65536) as client:
                client.sendall(ask(held, 4 * SLICE_BYTES))
                if number % 4 == 0:
                    assert takes(client, 4 * SLICE_BYTES)
                    continue
                assert client.recv(100)
                if number % 4 == 1:
                    gateway.revoke(held)
                    rest_until_reset(client)

    transfers(8)
    wait_for(lambda: not connections_of(gateway), "all clients gone")
    before = open_descriptors()
    transfers(200)
    wait_for(lambda: not connections_of(gateway), "all clients gone")
    wait_for(lambda: open_descriptors() <= before + 2, "as many descriptors as before")  # a collector's connection
    assert len(pumps) > 100


def connections_of(gateway: Gateway) -> list[object]:
    assert gateway.server is not None
    return list(gateway.server._crowd.connections)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_verified_bodies_are_relayed(gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump]) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL), verify=True)
    with connected(gateway) as client:
        client.sendall(ask(held, SLICE_BYTES))
        with pytest.raises(ConnectionResetError):  # the digest in its name is not its digest
            takes(client, SLICE_BYTES)
    assert not pumps


def test_where_splice_is_missing_bodies_are_relayed(
    gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_proxy.stream.choosing.HAS_SPLICE", False)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    with connected(gateway) as client:
        for _ in range(2):
            client.sendall(ask(held, len(BODY)))
            assert takes(client, len(BODY))
    assert not pumps
    assert len(upstream._sockets) == 1


def test_where_pipes_are_used_up_bodies_are_relayed(
    gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_proxy.stream.pipes.PipePool.take", lambda _: None)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    with connected(gateway) as client:
        client.sendall(ask(held, len(BODY)))
        assert takes(client, len(BODY))
    assert [pump.moved for pump in pumps] == [0]

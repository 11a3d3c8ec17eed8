"""Large uploads through the whole proxy over real sockets: exact bytes, early answers, cuts, and what follows them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Iterator

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.stream.choosing import KERNEL_FROM_BYTES
from registry_proxy.stream.pump import SLICE_BYTES, Pump
from tests.support.gateway import PUSH, Gateway, Held, running_gateway
from tests.support.processes import wait_for
from tests.support.raw import ScriptedUpstream, read_answer

BODY = os.urandom(1024 * 1024) * 24
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("uploads")) as running:
        yield running


class Store:
    """Takes bodies by Content-Length and remembers what arrived; may answer after so many bytes of one."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []  # digests
        self.arrived = 0
        self.answers_at = 0
        self.refusal = b""
        self.ends: list[str] = []

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        received, self.arrived = hashlib.sha256(), 0
        while self.arrived < length:
            if self.answers_at and self.arrived >= self.answers_at:
                connection.sendall(self.refusal)
                self.ends.append(how_it_ends(connection))
                raise ConnectionAbortedError
            try:
                piece = connection.recv(min(length - self.arrived, 65536))
            except ConnectionResetError:
                self.ends.append("reset")
                raise
            if not piece:
                self.ends.append("end")
                raise ConnectionAbortedError
            received.update(piece)
            self.arrived += len(piece)
        self.stored.append(received.digest())
        connection.sendall(CREATED)


def how_it_ends(connection: socket.socket) -> str:
    """What the gateway does with a connection that answered early."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        return "reset"
    return "end"


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def upstream(gateway: Gateway, store: Store) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(store) as running:
        gateway.add_target("demo", running.url)
        yield running


def put(held: Held, length: int, *more: str) -> bytes:
    lines = [f"PUT /v2/demo/a/blobs/uploads/one?digest=sha256:{length:064d} HTTP/1.1", "Host: gw",
             f"Authorization: Bearer {held.token}", f"Content-Length: {length}", *more]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@contextlib.contextmanager
def connected(gateway: Gateway) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        yield client


def digest(length: int) -> bytes:
    return hashlib.sha256(memoryview(BODY)[:length]).digest()


@pytest.mark.parametrize("is_with_head", [True, False])
@pytest.mark.parametrize(
    "length", [1, KERNEL_FROM_BYTES, KERNEL_FROM_BYTES + 1, SLICE_BYTES, 2 * SLICE_BYTES + 1, len(BODY)]
)  # fmt: skip
def test_every_length_arrives_and_both_connections_serve_again(
    gateway: Gateway, upstream: ScriptedUpstream, store: Store, pumps: list[Pump], length: int, is_with_head: bool
) -> None:
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    with connected(gateway) as client:
        for _ in range(3):
            early = 1000 if is_with_head else 0
            client.sendall(put(held, length) + BODY[: min(early, length)])
            client.sendall(memoryview(BODY)[early:length])
            assert read_answer(client).status == 201
    assert store.stored == [digest(length)] * 3
    assert len(upstream._sockets) == 1
    assert len(pumps) >= 3 * (length >= SLICE_BYTES)
    gateway.wait_record("proxy.transfer.completed", grant=held.view.grant_id, bytes_in=length)


def test_next_upload_behind_a_body_is_not_lost(
    gateway: Gateway, upstream: ScriptedUpstream, store: Store, pumps: list[Pump]
) -> None:
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    lengths = (len(BODY), 5, SLICE_BYTES + 1, len(BODY))
    with connected(gateway) as client:
        for length in lengths:
            client.sendall(put(held, length) + BODY[:length])
        assert [read_answer(client).status for _ in lengths] == [201] * 4
    assert store.stored == [digest(length) for length in lengths]
    assert len(pumps) == 3


def test_expected_body_goes_by_the_kernel_too(
    gateway: Gateway, upstream: ScriptedUpstream, store: Store, pumps: list[Pump]
) -> None:
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    with connected(gateway) as client:
        for _ in range(2):
            client.sendall(put(held, len(BODY), "Expect: 100-continue"))
            assert read_answer(client).status == 100
            client.sendall(BODY)
            assert read_answer(client).status == 201
    assert store.stored == [digest(len(BODY))] * 2
    assert [pump.moved for pump in pumps] == [len(BODY)] * 2


def test_early_refusal_reaches_the_client_and_stops_the_body(
    gateway: Gateway, upstream: ScriptedUpstream, store: Store, pumps: list[Pump]
) -> None:
    """A registry that has seen enough answers in the middle; its connection is not used again."""
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    store.answers_at, store.refusal = 3 * SLICE_BYTES, b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n"
    with connected(gateway) as client:
        client.sendall(put(held, len(BODY)))
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # nobody reads it to its end
            client.sendall(memoryview(BODY)[: 4 * SLICE_BYTES])
        answer = read_answer(client)
        assert (answer.status, answer.body, answer.headers[b"connection"]) == (413, b"no\n", b"close")
    wait_for(lambda: store.ends == ["reset"], "the end of the registry's connection")
    store.answers_at = 0
    with connected(gateway) as client:
        client.sendall(put(held, 5) + BODY[:5])
        assert read_answer(client).status == 201
    assert len(upstream._sockets) == 2


def test_registry_that_hangs_up_gives_502(gateway: Gateway, upstream: ScriptedUpstream, store: Store) -> None:
    held = gateway.grant("demo", ResourceScope("a", PUSH))

    def hang_up(connection: socket.socket, _head: bytes) -> None:
        connection.recv(65536)
        raise ConnectionAbortedError

    upstream.answer = hang_up
    with connected(gateway) as client:
        client.sendall(put(held, len(BODY)))
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            client.sendall(memoryview(BODY)[: 4 * SLICE_BYTES])
        assert read_answer(client).status == 502


@pytest.mark.parametrize("leaves", ["reset", "end"])
def test_client_that_leaves_does_not_complete_the_body(
    gateway: Gateway, upstream: ScriptedUpstream, store: Store, leaves: str
) -> None:
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    with connected(gateway) as client:
        client.sendall(put(held, len(BODY)) + BODY[: 4 * SLICE_BYTES])
        wait_for(lambda: store.arrived >= 3 * SLICE_BYTES, "a running upload")
        if leaves == "end":
            client.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(100) == b""
    wait_for(lambda: store.ends == ["reset"], "the registry to see a reset")
    assert not store.stored
    gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id, reason="client-went-away")


def test_revoked_upload_is_reset_on_both_sides(gateway: Gateway, upstream: ScriptedUpstream, store: Store) -> None:
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    with connected(gateway) as client:
        client.sendall(put(held, len(BODY)) + BODY[: 4 * SLICE_BYTES])
        wait_for(lambda: store.arrived >= 3 * SLICE_BYTES, "a running upload")
        gateway.revoke(held)
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    wait_for(lambda: store.ends == ["reset"], "the registry to see a reset")
    cut = gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id, reason="grant-revoked")
    assert 3 * SLICE_BYTES <= int(str(cut["bytes_in"])) <= 4 * SLICE_BYTES


def test_registry_that_reads_nothing_holds_the_client_back(
    gateway: Gateway, upstream: ScriptedUpstream, pumps: list[Pump]
) -> None:
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    upstream.answer = lambda connection, _: wait_for(lambda: connection.fileno() < 0, "the end of the test")
    with connected(gateway) as client:
        client.sendall(put(held, 1024 * len(BODY)))
        client.setblocking(False)

        def is_stuck() -> bool:
            with contextlib.suppress(BlockingIOError):
                return client.send(BODY) < 0
            return bool(pumps) and pumps[0].is_held_back

        wait_for(is_stuck, "a pump that waits, and a client that cannot send")
        assert pumps[0].moved < len(BODY)
        gateway.revoke(held)
    gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id, reason="grant-revoked")

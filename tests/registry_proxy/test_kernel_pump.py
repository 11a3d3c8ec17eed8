"""The pump between real sockets: exact bytes, the guard before each slice, and nothing left open behind it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop

from jit_access.domain.reasons import Reason
from registry_proxy.stream import choosing
from registry_proxy.stream.choosing import KERNEL_FROM_BYTES, goes_by_kernel
from registry_proxy.stream.download import Download
from registry_proxy.stream.pipes import MAX_IDLE, PipePool
from registry_proxy.stream.pump import SLICE_BYTES, Fault, Pump
from registry_proxy.stream.sides import BodySink, Guard
from registry_proxy.stream.upload import Upload
from registry_proxy.stream.wire import Wire

NEVER_S = 10.0
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
FAULT = Fault(source=Reason.UPSTREAM_BROKEN, sink=Reason.CLIENT_WENT_AWAY, may_follow=False)


@dataclass(slots=True)
class SocketSide:
    """One leg: what the pump sees of it is `near`, and the test holds the peer."""

    near: socket.socket
    peer: socket.socket
    bytes_left: int = 0
    is_request_sent: bool = False
    unsent_bytes: int = 0
    lent: list[bool] = field(default_factory=list)
    is_paused: bool = False
    waits: list[Callable[[], None]] | None = None  # a list: something waits in our own buffer

    @property
    def descriptor(self) -> int:
        return self.near.fileno()

    def lend(self, recall: Callable[[], None] | None) -> None:
        self.lent.append(recall is not None)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def abort(self) -> None:
        """The fixture closes it."""

    def write(self, data: bytes) -> None:
        assert data == HEAD, "nothing else goes through user space"

    def when_flushed(self, action: Callable[[], None]) -> None:
        if self.waits is None:
            action()
        else:
            self.waits.append(action)

    def deliver_to(self, sink: BodySink) -> None:
        """Nothing came yet."""

    def skip(self, count: int) -> None:
        self.bytes_left -= count


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    near.setblocking(False)
    peer.setblocking(False)
    return near, peer


@pytest.fixture
def sides() -> Iterator[tuple[SocketSide, SocketSide]]:
    legs = [tcp_pair(), tcp_pair()]
    with contextlib.ExitStack() as stack:
        for item in (*legs[0], *legs[1]):
            stack.enter_context(item)
        yield SocketSide(*legs[0]), SocketSide(*legs[1])


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def allows() -> Reason | None:
    return None


async def pumped(source: SocketSide, sink: SocketSide, body: bytes, guard: Guard) -> tuple[Pump, Reason | None, bytes]:
    """Send a body in, read what comes out, until the pump ends. It leaves no descriptor open."""
    loop, pool, before = asyncio.get_running_loop(), PipePool(), open_descriptors()
    ended: asyncio.Future[Reason | None] = loop.create_future()
    pump = Pump(pool, guard, FAULT, ended.set_result)
    assert pump.start(source, sink)
    sending = loop.create_task(loop.sock_sendall(source.peer, body))
    received = bytearray()

    async def receive() -> None:
        while piece := await loop.sock_recv(sink.peer, 65536):
            received.extend(piece)

    receiving = loop.create_task(receive())
    async with asyncio.timeout(NEVER_S):
        reason = await ended
        pool.close()
        assert open_descriptors() == before
        sink.near.shutdown(socket.SHUT_WR)
        await receiving
    sending.cancel()
    return pump, reason, bytes(received)


async def held_back(pump: Pump) -> None:
    """The peer of the sink reads nothing, so this comes soon."""
    while not pump.is_held_back:  # noqa: ASYNC110 - the pump tells nobody but its watch
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "length", [1, 65_535, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES + 17]
)  # fmt: skip
@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_every_byte_passes_once_and_nothing_stays_open(
    sides: tuple[SocketSide, SocketSide], length: int, run: Callable[..., object]
) -> None:
    source, sink = sides
    body = os.urandom(length)
    source.bytes_left = length

    async def story() -> int:
        pump, reason, received = await pumped(source, sink, body, allows)
        assert (reason, pump.moved) == (None, length)
        assert received == body
        return 0

    run(story())
    assert source.lent == sink.lent == [True, False]
    assert source.is_paused  # two readers would share the bytes


def test_guard_is_asked_before_every_slice_and_its_no_moves_nothing(sides: tuple[SocketSide, SocketSide]) -> None:
    """I2: not one slice after the answer changed."""
    source, sink = sides
    source.bytes_left = 64 * SLICE_BYTES
    asked = 0

    def guard() -> Reason | None:
        nonlocal asked
        asked += 1
        return Reason.GRANT_REVOKED if asked > 3 else None

    pump, reason, received = uvloop.run(pumped(source, sink, b"w" * (8 * SLICE_BYTES), guard))
    assert reason is Reason.GRANT_REVOKED
    assert asked == 4
    assert 0 < pump.moved == len(received) <= 3 * SLICE_BYTES


def test_last_slice_of_a_source_that_says_more_is_kept(sides: tuple[SocketSide, SocketSide]) -> None:
    source, sink = sides
    source.bytes_left = 1000
    source.peer.sendall(b"w" * 1000 + b"HTTP/1.1 200 OK\r\n")
    _, reason, received = uvloop.run(pumped(source, sink, b"", allows))
    assert (reason, received) == (Reason.UPSTREAM_BROKEN, b"")


def test_next_request_behind_a_body_stays_in_the_socket(sides: tuple[SocketSide, SocketSide]) -> None:
    source, sink = sides
    source.bytes_left = 1000
    source.peer.sendall(b"w" * 1000 + b"GET / HTTP/1.1\r\n")

    async def story() -> Reason | None:
        ended: asyncio.Future[Reason | None] = asyncio.get_running_loop().create_future()
        fault = Fault(source=Reason.CLIENT_WENT_AWAY, sink=Reason.UPSTREAM_AWAY, may_follow=True)
        assert Pump(PipePool(), allows, fault, ended.set_result).start(source, sink)
        return await ended

    assert uvloop.run(story()) is None
    assert source.near.recv(100) == b"GET / HTTP/1.1\r\n"


@pytest.mark.parametrize(("goes", "reason"), [("source", FAULT.source), ("sink", FAULT.sink)])
def test_side_that_goes_away_is_named(sides: tuple[SocketSide, SocketSide], goes: str, reason: Reason) -> None:
    source, sink = sides
    source.bytes_left = 100 * SLICE_BYTES

    async def story() -> Reason | None:
        loop, pool, before = asyncio.get_running_loop(), PipePool(), open_descriptors()
        ended: asyncio.Future[Reason | None] = loop.create_future()
        pump = Pump(pool, allows, FAULT, ended.set_result)
        assert pump.start(source, sink)
        sending = loop.create_task(loop.sock_sendall(source.peer, b"w" * (20 * SLICE_BYTES)))
        await held_back(pump)
        sending.cancel()
        (source if goes == "source" else sink).peer.close()
        if goes == "source":
            sink.peer.setblocking(True)
            await asyncio.to_thread(_drain, sink.peer, ended)
        async with asyncio.timeout(NEVER_S):
            reason = await ended
        pool.close()
        assert open_descriptors() == before - 1  # the peer that went away
        return reason

    assert uvloop.run(story()) is reason


def _drain(peer: socket.socket, ended: asyncio.Future[Reason | None]) -> None:
    peer.settimeout(0.05)
    while not ended.done():
        with contextlib.suppress(TimeoutError):
            peer.recv(1024 * 1024)


def test_stopped_pump_says_nothing_more_and_holds_nothing(sides: tuple[SocketSide, SocketSide]) -> None:
    source, sink = sides
    source.bytes_left = 10 * SLICE_BYTES

    async def story() -> None:
        loop = asyncio.get_running_loop()
        before = open_descriptors()
        pool = PipePool()
        pump = Pump(pool, allows, FAULT, lambda _: pytest.fail("it was stopped"))
        assert pump.start(source, sink)
        sending = loop.create_task(loop.sock_sendall(source.peer, b"w" * (10 * SLICE_BYTES)))
        await held_back(pump)
        pump.stop()
        pump.stop()
        sending.cancel()
        assert open_descriptors() == before  # a pipe that still holds bytes is never lent again
        sink.near.close()
        sink.peer.setblocking(True)
        assert await asyncio.to_thread(_count, sink.peer) == pump.moved

    uvloop.run(story())


def _count(peer: socket.socket) -> int:
    total = 0
    while piece := peer.recv(1024 * 1024):
        total += len(piece)
    return total


def test_without_a_pipe_nothing_is_touched(
    sides: tuple[SocketSide, SocketSide], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, sink = sides
    source.bytes_left = SLICE_BYTES

    def refuse(_flags: int) -> tuple[int, int]:
        raise OSError(24, "Too many open files")

    async def story() -> bool:
        return Pump(PipePool(), allows, FAULT, lambda _: None).start(source, sink)

    assert uvloop.run(story())
    monkeypatch.setattr("registry_proxy.stream.pipes.os.pipe2", refuse)
    source.lent.clear()
    assert not uvloop.run(story())
    assert not source.lent


def test_idle_pipes_are_few_and_empty() -> None:
    before, pool = open_descriptors(), PipePool()
    taken = [pool.take() for _ in range(2 * MAX_IDLE)]
    for pipe in taken:
        assert pipe is not None
        pool.give_back(pipe, is_empty=True)
    assert open_descriptors() == before + 2 * MAX_IDLE
    again = pool.take()
    assert again is not None
    pool.give_back(again, is_empty=False)
    assert open_descriptors() == before + 2 * MAX_IDLE - 2
    pool.close()
    assert open_descriptors() == before


def test_choice_needs_length_plain_legs_and_splice(
    sides: tuple[SocketSide, SocketSide], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal beside the same bodies that are let through."""
    source, sink = sides
    source.bytes_left = KERNEL_FROM_BYTES
    assert goes_by_kernel(source, sink, is_looked_at=False)
    assert not goes_by_kernel(source, sink, is_looked_at=True)
    source.bytes_left = KERNEL_FROM_BYTES - 1
    assert not goes_by_kernel(source, sink, is_looked_at=False)
    source.bytes_left = KERNEL_FROM_BYTES
    monkeypatch.setattr(choosing, "HAS_SPLICE", False)
    assert not goes_by_kernel(source, sink, is_looked_at=False)
    monkeypatch.undo()
    sink.near.close()
    assert not goes_by_kernel(source, sink, is_looked_at=False)


def test_pump_waits_until_the_head_has_left(sides: tuple[SocketSide, SocketSide]) -> None:
    """Else a body could overtake its own head."""
    source, sink = sides
    source.bytes_left, sink.waits = SLICE_BYTES, []

    async def story() -> None:
        download = Download(sink, source, allows, PipePool(), is_chunked=False)
        download.begin(HEAD)
        assert source.is_paused
        assert not source.lent
        assert sink.waits
        sink.waits[0]()
        assert source.lent == [True]
        download.cut(Reason.GRANT_REVOKED)

    uvloop.run(story())


def test_upload_that_is_not_wanted_any_more_lets_go_at_once(sides: tuple[SocketSide, SocketSide]) -> None:
    source, sink = sides
    source.bytes_left = SLICE_BYTES

    async def story() -> None:
        upload = Upload(source, sink, allows, PipePool(), is_chunked=False, limit=SLICE_BYTES)
        upload.begin()
        assert source.lent == sink.lent == [True]
        upload.stop()
        assert source.lent == sink.lent == [True, False]
        assert upload.sent.done()
        assert not sink.is_request_sent

    uvloop.run(story())


@pytest.mark.parametrize("ends_by", ["abort", "detach"])
def test_duplicate_is_closed_before_its_connection_ends(ends_by: str) -> None:
    """The kernel resets when the last descriptor of a connection closes; with a duplicate it would live on."""

    async def story() -> list[str]:
        near, peer = tcp_pair()
        seen: list[str] = []

        class Noting(asyncio.Protocol):
            def connection_lost(self, _exc: Exception | None) -> None:
                seen.append("lost")

        transport, _ = await asyncio.get_running_loop().create_connection(Noting, sock=near)
        wire = Wire()
        wire.attach(transport)
        wire.lend(lambda: seen.append(f"recalled, closing: {transport.is_closing()}"))
        getattr(wire, ends_by)()
        transport.abort()
        await asyncio.sleep(0)
        peer.close()
        return seen

    assert uvloop.run(story())[0] == "recalled, closing: False"

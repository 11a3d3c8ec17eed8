"""A kept body leaves in slices: each is asked about, and a client that does not read costs no memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from jit_access.domain.reasons import Reason
from registry_proxy.blob_cache import sending
from registry_proxy.blob_cache.sending import READ_BYTES, SLICE_BYTES, Sending
from registry_proxy.stream.wire import Wire

BODY = os.urandom(1024 * 1024) * 8
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Client(asyncio.Protocol):
    """The client's connection over a real socket. `is_plain=False` shows no descriptor, as TLS does."""

    def __init__(self, *, is_plain: bool) -> None:
        self.wire, self.is_plain, self.was_reset = Wire(), is_plain, False
        self.most_unsent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire.attach(transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.wire.detach()

    def resume_writing(self) -> None:
        self.wire.flushed()

    @property
    def descriptor(self) -> int:
        return self.wire.descriptor if self.is_plain else -1

    @property
    def unsent_bytes(self) -> int:
        return self.wire.unsent_bytes

    def write(self, data: bytes) -> None:
        self.wire.write(data)
        self.most_unsent = max(self.most_unsent, self.wire.unsent_bytes)

    def when_flushed(self, action: Callable[[], None]) -> None:
        self.wire.when_flushed(action)

    def lend(self, recall: Callable[[], None] | None) -> None:
        self.wire.lend(recall)

    def pause_reading(self) -> None:
        self.wire.pause_reading()

    def resume_reading(self) -> None:
        self.wire.resume_reading()

    def abort(self) -> None:
        self.was_reset = True
        self.wire.abort()


class Scene:
    """One sending over a socket pair. `ours` is read by the test."""

    def __init__(self, path: Path, guard: Callable[[], Reason | None], *, is_plain: bool) -> None:
        self._path, self._guard, self._is_plain = path, guard, is_plain

    async def begin(self, body: bytes, size: int | None = None) -> None:
        self._path.write_bytes(body)
        listener = socket.create_server(("127.0.0.1", 0))
        self.ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        listener.close()
        self.ours.setblocking(False)
        self.client = Client(is_plain=self._is_plain)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self.client, theirs)
        self.fd = os.open(self._path, os.O_RDONLY)
        self.sending = Sending(self.client, self._guard, self.fd, len(body) if size is None else size)
        self.sending.begin(HEAD)

    async def read_all(self) -> bytes:
        received, loop = bytearray(), asyncio.get_running_loop()
        while len(received) < len(HEAD) + len(BODY) and (piece := await loop.sock_recv(self.ours, 1024 * 1024)):
            received += piece
        return bytes(received)

    def end(self) -> None:
        self.client.wire.close()
        self.ours.close()

    @property
    def file_is_closed(self) -> bool:
        with contextlib.suppress(OSError):
            return not os.path.samestat(os.fstat(self.fd), self._path.stat())
        return True


@pytest.fixture(params=[True, False], ids=["sendfile", "reads"])
def is_plain(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_whole_body_arrives_and_nothing_stays_open(tmp_path: Path, is_plain: bool) -> None:
    async def play() -> None:
        scene = Scene(tmp_path / "body", lambda: None, is_plain=is_plain)
        await scene.begin(BODY)
        assert await scene.read_all() == HEAD + BODY
        assert await scene.sending.done is None
        assert scene.sending.moved == len(BODY)
        assert scene.file_is_closed
        scene.end()

    uvloop.run(play())


def test_guard_is_asked_before_every_slice(tmp_path: Path, is_plain: bool) -> None:
    asked = 0

    def guard() -> Reason | None:
        nonlocal asked
        asked += 1
        return Reason.GRANT_REVOKED if asked > 3 else None

    async def play() -> None:
        scene = Scene(tmp_path / "body", guard, is_plain=is_plain)
        await scene.begin(BODY)
        with contextlib.suppress(ConnectionResetError):
            assert len(await scene.read_all()) < len(BODY)
        assert await scene.sending.done is Reason.GRANT_REVOKED
        assert scene.client.was_reset
        assert 0 < scene.sending.moved <= 3 * SLICE_BYTES
        assert scene.file_is_closed
        scene.end()

    uvloop.run(play())


def test_client_that_does_not_read_costs_one_slice(tmp_path: Path, is_plain: bool) -> None:
    async def play() -> None:
        scene = Scene(tmp_path / "body", lambda: None, is_plain=is_plain)
        await scene.begin(BODY * 4)
        while not scene.sending.is_held_back:  # noqa: ASYNC110  # the kernel decides when, and tells nobody
            await asyncio.sleep(0.01)
        assert scene.sending.moved < len(BODY) * 4
        assert scene.client.most_unsent <= READ_BYTES + len(HEAD)
        scene.sending.cut(Reason.GRANT_EXPIRED)
        assert scene.file_is_closed
        scene.end()

    uvloop.run(play())


def test_file_that_became_shorter_is_not_taken_for_whole(tmp_path: Path, is_plain: bool) -> None:
    async def play() -> None:
        scene = Scene(tmp_path / "body", lambda: None, is_plain=is_plain)
        await scene.begin(BODY[:-1], len(BODY))
        with contextlib.suppress(ConnectionResetError):
            await scene.read_all()
        assert await scene.sending.done is Reason.INTERNAL_ERROR
        assert scene.client.was_reset
        scene.end()

    uvloop.run(play())


def test_without_sendfile_plain_sockets_get_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "HAS_SENDFILE", False)
    test_whole_body_arrives_and_nothing_stays_open(tmp_path, is_plain=True)

"""A registry that does what a script says, byte for byte, and remembers every byte that it got.

Streams of asyncio, no HTTP library: that would repair the fault that a case is about.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from typing import Self

from tests.support.processes import wait_for

_RESET = struct.pack("ii", 1, 0)
_LIMIT = 64 * 1024 * 1024


class Peer:
    """One connection, as its script sees it. `number` counts from 1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self._reader, self._writer = reader, writer
        self.number = number
        self.received = bytearray()
        self.is_over = False

    async def read_head(self) -> bytes:
        """One head. Raises IncompleteReadError when the gateway hangs up."""
        return await self._keep(self._reader.readuntil(b"\r\n\r\n"))

    async def read(self, count: int) -> bytes:
        """Exactly so many bytes."""
        return await self._keep(self._reader.readexactly(count))

    async def read_some(self) -> bytes:
        """What there is; nothing when the gateway's side has ended."""
        return await self._keep(self._reader.read(65536))

    async def send(self, data: bytes) -> None:
        """As it stands."""
        self._writer.write(data)
        await self._writer.drain()

    async def send_slowly(self, data: bytes) -> None:
        """Each byte in a segment of its own, as far as the kernel lets us."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """End our half."""
        self._writer.write_eof()

    async def reset(self) -> None:
        """As if the host had died."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._writer.close()

    async def stall(self) -> None:
        """Read nothing any more, so that TCP holds the gateway back."""
        self._reader._transport.pause_reading()  # type: ignore[attr-defined]  # streams have no word for it
        await asyncio.Event().wait()

    async def drain_all(self) -> None:
        """Read until the gateway hangs up."""
        while await self.read_some():
            pass

    async def _keep(self, reading: Awaitable[bytes]) -> bytes:
        try:
            data = await reading
        except asyncio.IncompleteReadError as exc:
            self.received += exc.partial
            raise
        self.received += data
        return data


Script = Callable[[Peer], Awaitable[None]]


def answering(*answers: bytes) -> Script:
    """One answer to each head, the last one for ever, on every connection anew."""

    async def script(peer: Peer) -> None:
        for number in range(10_000):
            await peer.read_head()
            await peer.send(answers[min(number, len(answers) - 1)])

    return script


def answering_then_ending(answer: bytes) -> Script:
    """One answer, then the end of our half."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(answer)
        await peer.finish()
        await peer.drain_all()

    return script


class HostileUpstream:
    """Serves in a thread with a loop of its own, until the block ends."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hostile", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> list[bytes]:
        """Every byte of every connection."""
        return [bytes(peer.received) for peer in list(self.peers)]

    def call(self, action: Callable[[], None]) -> None:
        """Do something on the upstream's loop."""
        self._loop.call_soon_threadsafe(action)

    def wait_until_left(self, count: int) -> None:
        """Until so many connections were made, and the gateway has ended them all."""
        wait_for(lambda: len(self.peers) >= count and all(peer.is_over for peer in self.peers), "the gateway hung up")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = Peer(reader, writer, len(self.peers) + 1)
        self.peers.append(peer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await self.script(peer)
                await peer.drain_all()
            writer.transport.abort()
        finally:
            peer.is_over = True
            self._tasks.discard(task)

"""A kept connection must work for the next request, however the one before it ended."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from registry_proxy.protocols.origins import Origin
from registry_proxy.upstream.connection import UpstreamConnection
from registry_proxy.upstream.pool import ConnectionPool
from registry_proxy.upstream.sinks import CollectingSink

HEAD = b"GET /v2/ HTTP/1.1\r\nhost: registry\r\n\r\n"
BODY = b"weights!" * 256 * 1024  # more than one read, so that its end does not come together with its head
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
NEVER_S = 5.0


class SlowClientAtTheEnd(CollectingSink):
    """The last slice fills the client's buffer, so the relay holds the registry back, and then it is over."""

    def __init__(self, connection: UpstreamConnection) -> None:
        super().__init__(len(BODY))
        self._connection = connection

    def on_end(self) -> None:
        self._connection.pause_reading()
        super().on_end()


class AnsweringRegistry:
    """Gives the same answer to every request, until its client is gone."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # how the test hangs up
            while await reader.readline():
                while (await reader.readline()).strip():
                    pass
                writer.write(ANSWER)
            writer.close()
            await writer.wait_closed()
        self.is_over.set()


async def ask(connection: UpstreamConnection, sink: CollectingSink) -> bytes:
    connection.begin(HEAD, "GET", has_body=False)
    async with asyncio.timeout(NEVER_S):
        await connection.response()
        connection.deliver_to(sink)
        return await sink.body()


async def two_requests() -> list[bytes]:
    registry = AnsweringRegistry()
    async with await asyncio.start_server(registry.serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        transport, connection = await asyncio.get_running_loop().create_connection(UpstreamConnection, host, port)
        try:
            first = await ask(connection, SlowClientAtTheEnd(connection))
            return [first, await ask(connection, CollectingSink(len(BODY)))]
        finally:
            transport.abort()
            await registry.is_over.wait()


class NoisyRegistry:
    """Its socket is served by hand in the loop's own thread, so the loop cannot come to it before we want."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.origin = Origin("http", *self._server.getsockname())
        self.accepted: list[socket.socket] = []

    async def serve_one(self, pool: ConnectionPool) -> None:
        """One whole exchange on a new connection, which goes back to the pool."""
        connection, was_used = await pool.acquire(self.origin, allow_private=True)
        assert not was_used
        self.accepted.append(self._server.accept()[0])
        sink = CollectingSink(0)
        connection.begin(HEAD, "GET", has_body=False)
        self.accepted[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await connection.response()
        connection.deliver_to(sink)
        await sink.body()
        pool.release(connection, self.origin, allow_private=True)

    def close(self) -> None:
        for item in (*self.accepted, self._server):
            item.close()


async def taken_again(noise: bytes | None) -> bool:
    """Whether the pool hands out a kept connection on which `noise`, or the end, waits unread."""
    registry, pool = NoisyRegistry(), ConnectionPool()
    try:
        await registry.serve_one(pool)
        if noise is None:
            registry.accepted[0].shutdown(socket.SHUT_WR)
        elif noise:
            registry.accepted[0].sendall(noise)
        connection, was_used = await pool.acquire(registry.origin, allow_private=True)
        connection.abort()
        return was_used
    finally:
        pool.close()
        await asyncio.sleep(0)
        registry.close()


@pytest.mark.parametrize(("noise", "is_taken"), [(b"", True), (b"HTTP/1.1 200 OK\r\n", False), (None, False)])
def test_connection_on_which_something_waits_is_not_taken_again(noise: bytes | None, is_taken: bool) -> None:
    """It would be read as the beginning of the next answer. The loop has not seen it yet, so the kernel is asked."""
    assert asyncio.run(taken_again(noise)) is is_taken


def test_connection_left_paused_by_a_slow_client_answers_the_next_request() -> None:
    """Seen as pulls over TLS that stood still for 60 s: the connection went back to the pool without reading."""
    assert asyncio.run(two_requests()) == [BODY, BODY]

"""A kept connection must work for the next request, however the one before it ended."""

from __future__ import annotations

import asyncio
import contextlib

from registry_proxy.upstream.connection import UpstreamConnection
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


def test_connection_left_paused_by_a_slow_client_answers_the_next_request() -> None:
    """Seen as pulls over TLS that stood still for 60 s: the connection went back to the pool without reading."""
    assert asyncio.run(two_requests()) == [BODY, BODY]

"""A relay that does nothing but relay: the least that a Python process on our event loop can cost.

It reads no header but Content-Length, refuses nothing, records nothing and keeps no rule. Not a proxy for anybody.
Run as `python -m benchmarks.peers.bare_relay PORT UPSTREAM_PORT`.
"""

from __future__ import annotations

import asyncio
import re
import sys

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class _Upstream(asyncio.Protocol):
    """Passes one answer at a time to whoever asked."""

    def __init__(self) -> None:
        self.client: _Client | None = None
        self.transport: asyncio.Transport | None = None
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport

    def data_received(self, data: bytes) -> None:
        client = self.client
        if client is None or client.transport is None:
            return
        if not self._left:
            found = _LENGTH.search(data)
            self._left = data.index(b"\r\n\r\n") + 4 + (int(found[1]) if found else 0)
        self._left -= len(data)
        client.transport.write(data)
        if not self._left:
            client.idle.append(self)
            self.client = None


class _Client(asyncio.Protocol):
    """Passes each head on, over a kept connection where there is one."""

    def __init__(self, port: int, idle: list[_Upstream]) -> None:
        self._port, self.idle = port, idle
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport

    def data_received(self, data: bytes) -> None:
        if self.idle:
            self._send(self.idle.pop(), data)
        else:
            asyncio.get_running_loop().create_task(self._dial(data))

    async def _dial(self, data: bytes) -> None:
        _, upstream = await asyncio.get_running_loop().create_connection(_Upstream, "127.0.0.1", self._port)
        self._send(upstream, data)

    def _send(self, upstream: _Upstream, data: bytes) -> None:
        upstream.client = self
        if upstream.transport is not None:
            upstream.transport.write(data)


async def _serve(port: int, upstream: int) -> None:
    idle: list[_Upstream] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(upstream, idle), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2])))

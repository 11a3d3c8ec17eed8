"""Connections kept for the next request, per origin. Only connections in step come back."""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from collections import defaultdict

from registry_proxy.protocols.origins import Origin
from registry_proxy.upstream.addresses import resolve
from registry_proxy.upstream.connection import UpstreamConnection
from registry_proxy.upstream.failure import UpstreamError, away, broken

CONNECT_TIMEOUT_S = 5.0
IDLE_S = 30.0
# A request that must not be sent twice takes only a connection that was in use a moment ago.
FRESH_S = 3.0
MAX_IDLE_PER_ORIGIN = 32

PoolKey = tuple[Origin, bool]


class ConnectionPool:
    """Hands out idle connections first, newest first."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context or ssl.create_default_context()
        self._idle: dict[PoolKey, list[UpstreamConnection]] = defaultdict(list)
        self.taken = {"new": 0, "kept": 0}

    async def acquire(
        self, origin: Origin, *, allow_private: bool, max_idle_s: float = IDLE_S
    ) -> tuple[UpstreamConnection, bool]:
        """A connection, and whether it was used before. Raises UpstreamError."""
        idle, now = self._idle[(origin, allow_private)], time.monotonic()
        while idle:
            connection = idle.pop()
            if connection.is_open and now - connection.idle_since < max_idle_s and _is_quiet(connection):
                self.taken["kept"] += 1
                return connection, True
            connection.abort()
        self.taken["new"] += 1
        return await self._dial(origin, allow_private=allow_private), False

    @property
    def idle(self) -> int:
        """Connections that wait for their next request."""
        return sum(map(len, self._idle.values()))

    def release(self, connection: UpstreamConnection, origin: Origin, *, allow_private: bool) -> None:
        """Take a connection back; one that is not exactly in step is dropped."""
        idle = self._idle[(origin, allow_private)]
        if not connection.is_reusable or len(idle) >= MAX_IDLE_PER_ORIGIN:
            connection.abort()
            return
        connection.idle_since = time.monotonic()
        connection.write_listener = None
        idle.append(connection)

    def reap(self) -> None:
        """Drop what was idle too long. Called by the server's timer."""
        now = time.monotonic()
        for key, idle in list(self._idle.items()):
            kept = [item for item in idle if item.is_open and now - item.idle_since < IDLE_S]
            for connection in set(idle) - set(kept):
                connection.abort()
            if kept:
                self._idle[key] = kept
            else:
                del self._idle[key]

    def close(self) -> None:
        """Drop everything that is idle."""
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()

    async def _dial(self, origin: Origin, *, allow_private: bool) -> UpstreamConnection:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await self._dial_any(origin, await resolve(origin, allow_private=allow_private))
        except TimeoutError as exc:
            raise away(504) from exc

    async def _dial_any(self, origin: Origin, addresses: list[str]) -> UpstreamConnection:
        failure: UpstreamError = away()
        loop = asyncio.get_running_loop()
        for address in addresses:
            tls = self._context if origin.is_tls else None
            try:
                _, connection = await loop.create_connection(
                    UpstreamConnection, address, origin.port, ssl=tls,
                    server_hostname=origin.host if origin.is_tls else None,
                )  # fmt: skip
            except ssl.SSLError:
                failure = broken()
            except OSError:
                continue
            else:
                return connection
        raise failure


def _is_quiet(connection: UpstreamConnection) -> bool:
    """False when bytes, or the end, wait in the kernel that our loop has not come to yet.

    Whatever a registry sends between two answers would be taken for the beginning of the next one.
    """
    descriptor = connection.descriptor
    if descriptor < 0:
        return True  # TLS: its own records may wait there
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return not poller.poll(0)

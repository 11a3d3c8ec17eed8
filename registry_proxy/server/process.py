"""One worker's listeners from start to drain."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

from jit_access.domain.reasons import Reason
from registry_proxy.admin import AdminConnection
from registry_proxy.orders import NO_SOCKET, Door, Drain
from registry_proxy.server.admin import WorkerPage
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.server.listener import Crowd, Listener
from registry_proxy.server.services import Services, log_fields
from registry_proxy.server.tls import make_server_context
from registry_proxy.server.watching import tell_of_audit, tell_of_cache, tell_of_clients, tell_of_registries
from registry_proxy.settings import Address, Settings
from registry_proxy.upstream.pool import ConnectionPool

_log = logging.getLogger(__name__)
BACKLOG = 1024
TLS_HANDSHAKE_S = 10.0
REAP_EVERY_S = 10.0
# A connection that came in just before its listener closed gets so long to send its request.
FIRST_REQUEST_S = 1.0
_LOOK_EVERY_S = 0.05
_LAST_RECORDS_S = 2.0


@dataclass(slots=True)
class Ports:
    """Where the process ended up listening; port 0 in the settings lets the kernel choose."""

    plain: int = 0
    tls: int = 0
    admin: int = 0


class ProxyServer:
    """The listeners of a process over the services that it shares."""

    def __init__(self, settings: Settings, services: Services, pool: ConnectionPool) -> None:
        self.settings, self.services, self.pool = settings, services, pool
        self.ports = Ports()
        limits = settings.limits
        self._crowd = Crowd(limits.connections, limits.connections_per_address)
        self._page = WorkerPage(services)
        self._plain = Listener(services, self._crowd, b"http")
        self._tls = Listener(services, self._crowd, b"https")
        self._doors: dict[int, list[asyncio.Server]] = {}
        self._own: list[asyncio.Server] = []
        self._admin: asyncio.Server | None = None
        # Accepted, but still in their TLS handshake or about to begin: nobody has counted them yet.
        self._arriving: WeakSet[ClientConnection] = WeakSet()
        self._drain_by = math.inf
        self._closes_idle = False
        self._reaper: asyncio.TimerHandle | None = None
        tell_of_clients(services.meter, self._crowd)
        tell_of_registries(services.meter, pool)
        tell_of_audit(services.meter, services.sink)
        if services.cache is not None:
            tell_of_cache(services.meter, services.cache)

    # -- listening

    async def start(self) -> None:
        """Listen by itself. SO_REUSEPORT lets processes that know nothing of each other share the clients' ports."""
        settings = self.settings
        self._own.append(await self._listen(settings.listen, self._plain))
        self.ports.plain = _port_of(self._own[-1])
        if settings.tls_listen is not None:
            self._own.append(await self._listen(settings.tls_listen, self._tls))
            self.ports.tls = _port_of(self._own[-1])
        if settings.admin_listen is not None:
            loop, address = asyncio.get_running_loop(), settings.admin_listen
            self._admin = await loop.create_server(lambda: AdminConnection(self._page), address.host, address.port)
            self.ports.admin = _port_of(self._admin)
        self._reap()
        ports = self.ports
        _log.info("proxy.listening", extra=log_fields(plain=ports.plain, tls=ports.tls, admin=ports.admin))

    async def start_inside(self, admin_path: Path) -> None:
        """Be one of several: the parent has the sockets, says when to accept, and asks for the admin page."""
        loop = asyncio.get_running_loop()
        self._admin = await loop.create_unix_server(lambda: AdminConnection(self._page), str(admin_path))
        self._reap()

    async def accept_at(self, doors: Mapping[int, Door]) -> None:
        """Take connections at exactly these doors of the parent."""
        for number in self._doors.keys() - doors.keys():
            for server in self._doors.pop(number):
                server.close()
        for number in sorted(doors.keys() - self._doors.keys()):
            door, servers = doors[number], self._doors.setdefault(number, [])
            servers.append(await self._listen(_share(door.plain), self._plain))
            if door.tls != NO_SOCKET:
                servers.append(await self._listen(_share(door.tls), self._tls))

    async def _listen(self, at: Address | socket.socket, listener: Listener) -> asyncio.Server:
        def arrive() -> ClientConnection:
            connection = ClientConnection(listener)
            self._arriving.add(connection)
            return connection

        loop, settings = asyncio.get_running_loop(), self.settings
        context, handshake_s = None, None
        if listener is self._tls and settings.tls_cert and settings.tls_key:
            context, handshake_s = make_server_context(settings.tls_cert, settings.tls_key), TLS_HANDSHAKE_S
        if isinstance(at, Address):
            return await loop.create_server(
                arrive, at.host, at.port,
                ssl=context, ssl_handshake_timeout=handshake_s, backlog=BACKLOG, reuse_port=True,
            )  # fmt: skip
        return await loop.create_server(
            arrive, sock=at, ssl=context, ssl_handshake_timeout=handshake_s, backlog=BACKLOG
        )  # fmt: skip

    # -- the end

    def hurry(self, order: Drain) -> None:
        """Bring the end of a drain forward; never put it off."""
        self._drain_by = min(self._drain_by, asyncio.get_running_loop().time() + order.within_s)
        self._closes_idle |= not order.is_handover

    async def drain(self, within_s: float, *, is_handover: bool = False) -> None:
        """Take nothing new, let what runs end until the deadline, then cut it with a record."""
        self.hurry(Drain(within_s, is_handover=is_handover))
        self._page.is_draining = True
        for server in (*self._own, *(server for door in self._doors.values() for server in door)):
            server.close()
        for listener in (self._plain, self._tls):
            listener.is_draining = True
        await self._wait_until_empty()
        for conversation in list(self._crowd.connections.values()):
            if conversation is not None:
                conversation.cut(Reason.DRAINING)
        await self._wait_for_records()
        for connection in list(self._crowd.connections):
            connection.abort()
        if self._reaper is not None:
            self._reaper.cancel()
        if self._admin is not None:
            self._admin.close()
        self.pool.close()
        self.services.pipes.close()

    async def _wait_until_empty(self) -> None:
        loop = asyncio.get_running_loop()
        first_request_by = loop.time() + FIRST_REQUEST_S
        while loop.time() < self._drain_by and self.has_anybody():
            if self._closes_idle:
                for connection in list(self._crowd.connections):
                    connection.close_if_idle(spares_new=loop.time() < first_request_by)
            await asyncio.sleep(_LOOK_EVERY_S)

    def has_anybody(self) -> bool:
        """True while somebody is connected, or about to be."""
        return bool(self._crowd.connections) or any(not connection.has_begun for connection in self._arriving)

    async def _wait_for_records(self) -> None:
        tasks = [connection.task for connection in self._crowd.connections if connection.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_RECORDS_S)

    def _reap(self) -> None:
        self.pool.reap()
        for listener in (self._plain, self._tls):
            listener.heads.forget()
        self._reaper = asyncio.get_running_loop().call_later(REAP_EVERY_S, self._reap)


def _share(fd: int) -> socket.socket:
    """The same listening socket once more: closing ours ends nothing for the parent and the other workers."""
    return socket.socket(fileno=os.dup(fd))


def _port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port

"""One proxy process from start to drain."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from jit_access.domain.reasons import Reason
from registry_proxy.server.admin import AdminPage
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.server.listener import Crowd, Listener
from registry_proxy.server.services import Services, log_fields
from registry_proxy.server.tls import make_server_context
from registry_proxy.settings import Address, Settings
from registry_proxy.upstream.pool import ConnectionPool

_log = logging.getLogger(__name__)
BACKLOG = 1024
TLS_HANDSHAKE_S = 10.0
REAP_EVERY_S = 10.0
_LAST_RECORDS_S = 2.0


@dataclass(slots=True)
class Ports:
    """Where the process ended up listening; port 0 in the settings lets the kernel choose."""

    plain: int = 0
    tls: int = 0
    admin: int = 0


@dataclass(slots=True)
class ProxyServer:
    """The listeners of a process over the services that it shares."""

    settings: Settings
    services: Services
    pool: ConnectionPool
    ports: Ports = field(default_factory=Ports)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _listeners: list[Listener] = field(default_factory=list)
    _crowd: Crowd = field(init=False)
    _admin: AdminPage = field(init=False)
    _reaper: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        limits = self.settings.limits
        self._crowd = Crowd(limits.connections, limits.connections_per_address)
        self._admin = AdminPage(self.services)

    async def start(self) -> None:
        """Listen. SO_REUSEPORT lets several processes share the clients' ports."""
        settings = self.settings
        self.ports.plain = await self._listen(settings.listen, b"http")
        if settings.tls_listen is not None:
            self.ports.tls = await self._listen(settings.tls_listen, b"https")
        if settings.admin_listen is not None:
            loop, address = asyncio.get_running_loop(), settings.admin_listen
            server = await loop.create_server(self._admin.protocol, address.host, address.port)
            self._servers.append(server)
            self.ports.admin = _port_of(server)
        self._reap()
        ports = self.ports
        _log.info("proxy.listening", extra=log_fields(plain=ports.plain, tls=ports.tls, admin=ports.admin))

    async def _listen(self, address: Address, scheme: bytes) -> int:
        listener = Listener(self.services, self._crowd, scheme)
        self._listeners.append(listener)
        context, handshake_s = None, None
        if scheme == b"https" and self.settings.tls_cert and self.settings.tls_key:
            context = make_server_context(self.settings.tls_cert, self.settings.tls_key)
            handshake_s = TLS_HANDSHAKE_S
        server = await asyncio.get_running_loop().create_server(
            lambda: ClientConnection(listener), address.host, address.port,
            ssl=context, ssl_handshake_timeout=handshake_s, backlog=BACKLOG, reuse_port=True,
        )  # fmt: skip
        self._servers.append(server)
        return _port_of(server)

    async def drain(self, deadline_s: float) -> None:
        """Take nothing new, let what runs end until the deadline, then cut it with a record."""
        self._admin.is_draining = True
        for listener in self._listeners:
            listener.is_draining = True
        for server in self._servers:
            server.close()
        for connection in list(self._crowd.connections):
            connection.close_if_idle()
        await self._wait_until_empty(deadline_s)
        for conversation in list(self._crowd.connections.values()):
            if conversation is not None:
                conversation.cut(Reason.DRAINING)
        await self._wait_until_empty(_LAST_RECORDS_S)
        for connection in list(self._crowd.connections):
            connection.abort()
        if self._reaper is not None:
            self._reaper.cancel()
        self.pool.close()

    async def _wait_until_empty(self, deadline_s: float) -> None:
        tasks = [connection.task for connection in self._crowd.connections if connection.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=deadline_s)

    def _reap(self) -> None:
        self.pool.reap()
        self._reaper = asyncio.get_running_loop().call_later(REAP_EVERY_S, self._reap)


def _port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port

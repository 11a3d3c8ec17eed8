"""The listening sockets. The parent holds them from start to stop, so no queued connection depends on a worker.

One socket per slot, all on one port (SO_REUSEPORT): the kernel spreads connections evenly, which one socket that all
workers accept from does not (a burst of 64 went 62 to 2). What sockets of one port are known for, that closing one
resets what waits in its queue, cannot happen while the parent has it open: a vacant slot's door is served by another
worker meanwhile (ADR 0011).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

from registry_proxy.orders import NO_SOCKET, Door
from registry_proxy.settings import Address

BACKLOG = 1024
TAKEN_FOR_S = 5.0  # the orphans of a killed parent close their listeners within a moment
_LOOK_AGAIN_S = 0.1


@dataclass(slots=True)
class _Pair:
    plain: socket.socket
    tls: socket.socket | None

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        return (self.plain, self.tls) if self.tls is not None else (self.plain,)


class Doors:
    """One pair of sockets per slot. A new pair takes no connection before `open`."""

    def __init__(self, listen: Address, tls_listen: Address | None) -> None:
        self._listen, self._tls_listen = listen, tls_listen
        self._pairs: list[_Pair] = []
        self._open = 0

    def __len__(self) -> int:
        return self._open

    @property
    def all(self) -> tuple[Door, ...]:
        """Every pair's descriptors, by slot."""
        return tuple(
            Door(pair.plain.fileno(), pair.tls.fileno() if pair.tls is not None else NO_SOCKET) for pair in self._pairs
        )

    @property
    def ports(self) -> tuple[int, int]:
        """Plain and TLS; 0 where there is none."""
        first = self._pairs[0]
        return _port_of(first.plain), _port_of(first.tls) if first.tls is not None else 0

    async def wait_until_free(self) -> None:
        """Raises OSError when another program keeps listening there: sharing a port with a stranger goes unseen."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TAKEN_FOR_S
        for address in filter(None, (self._listen, self._tls_listen)):
            while True:
                try:
                    _bind(address, is_shared=False).close()
                    break
                except OSError:
                    if loop.time() > deadline:
                        raise
                await asyncio.sleep(_LOOK_AGAIN_S)

    def grow(self, count: int) -> None:
        """Bind pairs until there are `count`. Raises OSError."""
        while len(self._pairs) < count:
            plain = _bind(self._at(0, self._listen), is_shared=True)
            try:
                tls = _bind(self._at(1, self._tls_listen), is_shared=True) if self._tls_listen is not None else None
            except OSError:
                plain.close()
                raise
            self._pairs.append(_Pair(plain, tls))

    def open(self) -> None:
        """Let the kernel queue connections at all pairs: from here on somebody has to serve each."""
        for pair in self._pairs[self._open :]:
            for item in pair.sockets:
                item.listen(BACKLOG)
        self._open = len(self._pairs)

    def forget_unopened(self) -> None:
        """Undo `grow` after a change that did not come about."""
        for pair in self._pairs[self._open :]:
            _close(pair)
        del self._pairs[self._open :]

    def close(self) -> None:
        """From here on clients are refused."""
        for pair in self._pairs:
            _close(pair)
        self._pairs.clear()
        self._open = 0

    def _at(self, index: int, address: Address | None) -> Address:
        """Where the kernel put the first pair, when it was free to choose."""
        if address is None or not self._pairs:
            return address or self._listen
        return Address(address.host, self.ports[index])


def _bind(address: Address, *, is_shared: bool) -> socket.socket:
    family, kind, number, _, where = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    item = socket.socket(family, kind, number)
    try:
        item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            item.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as asyncio does when it binds itself
        item.bind(where)
        if not is_shared:
            item.listen(1)  # two sockets with SO_REUSEADDR may bind one port on some systems; only one may listen
    except OSError:
        item.close()
        raise
    item.setblocking(False)
    return item


def _close(pair: _Pair) -> None:
    for item in pair.sockets:
        with contextlib.suppress(OSError):
            item.close()


def _port_of(item: socket.socket) -> int:
    port: int = item.getsockname()[1]
    return port

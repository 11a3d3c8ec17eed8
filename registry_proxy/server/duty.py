"""How long a worker serves: until a signal, an order of its parent, or the loss of the parent."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from registry_proxy.orders import Accept, Drain, Inherited, Order, read_order
from registry_proxy.server.process import ProxyServer

_log = logging.getLogger(__name__)


class Duty:
    """Ends once; after that the drain can only become shorter."""

    def __init__(self, server: ProxyServer, drain_s: float) -> None:
        self._server, self._drain_s = server, drain_s
        self._ended = asyncio.Event()
        self._first: Drain | None = None
        self._ears: asyncio.Task[None] | None = None

    async def done(self) -> Drain:
        """Wait for the end; returns how to drain."""
        await self._ended.wait()
        return self._first or Drain(self._drain_s)

    def end(self, order: Drain) -> None:
        """It is time to go. A repeat may shorten what is running."""
        if self._first is None:
            self._first = order
            self._ended.set()
        else:
            self._server.hurry(order)

    def obey_signals(self) -> None:
        """For a worker by itself: the first SIGTERM drains, a second one cuts at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)

    def obey_parent(self, inherited: Inherited) -> None:
        """For one of several. What a terminal or an init system sends to the whole group is the parent's to answer."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        loop.add_signal_handler(signal.SIGTERM, lambda: self.end(Drain(self._drain_s)))
        self._ears = loop.create_task(self._hear(inherited))

    def close(self) -> None:
        """Stop listening to the parent."""
        if self._ears is not None:
            self._ears.cancel()

    def _on_signal(self) -> None:
        self.end(Drain(self._drain_s if self._first is None else 0.0))

    async def _hear(self, inherited: Inherited) -> None:
        try:
            await self._follow(inherited)
        except Exception:  # noqa: BLE001  # outermost: a worker that cannot hear its parent must not stay for ever
            _log.exception("worker.orders-lost")
        self.end(Drain(self._drain_s))

    async def _follow(self, inherited: Inherited) -> None:
        reader = asyncio.StreamReader()
        pipe = os.fdopen(inherited.orders_fd, "rb", buffering=0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            while line := await reader.readline():
                order = read_order(line)
                if order is not None:
                    await self._carry_out(order, inherited)
        finally:
            transport.close()

    async def _carry_out(self, order: Order, inherited: Inherited) -> None:
        match order:
            case Accept():
                if self._first is None:
                    doors = {number: inherited.doors[number] for number in order.doors if number < len(inherited.doors)}
                    await self._server.accept_at(doors)
            case Drain():
                self.end(order)

"""How a connection ends after its last answer: the answer arrives whole, what still comes in is thrown away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from registry_proxy.server.idling import least_bytes
from registry_proxy.settings import Limits

# After an answer to a request whose body we did not read: closing at once would reset the answer away.
LINGER_S = 2.0
LINGER_BYTES = 8 * 1024 * 1024


class Farewell:
    """Waits for as long as the client takes the answer, then `LINGER_S` more for what it still sends."""

    def __init__(self, transport: asyncio.Transport, abort: Callable[[], None], limits: Limits) -> None:
        self._transport, self._abort, self._limits = transport, abort, limits
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._thrown_away = 0

    def begin(self, *, is_all_read: bool) -> None:
        """Say that nothing more will be sent."""
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError, RuntimeError):  # the peer was faster
                self._transport.write_eof()
        elif is_all_read:
            self._transport.close()
            return
        self._wait()

    def throw_away(self, count: int) -> None:
        """So much came in that nobody reads."""
        self._thrown_away += count
        if self._thrown_away > LINGER_BYTES:
            self._abort()

    def stop(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._unsent = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(
            self._limits.idle_body_deadline_s if self._unsent else LINGER_S, self._look
        )  # fmt: skip

    def _look(self) -> None:
        """A reset would drop what the kernel still holds for a slow client; only a stalled one is reset."""
        left = self._transport.get_write_buffer_size()
        if not self._unsent:
            self._transport.close()
        elif left and self._unsent - left < least_bytes(self._limits):
            self._abort()
        else:
            self._wait()

"""A small request body, read whole."""

from __future__ import annotations

import asyncio

from jit_access.domain.reasons import Reason


class CollectedBody:
    """`done` holds None when `body` is complete, else why it is not."""

    def __init__(self, limit: int, deadline_s: float) -> None:
        self._limit = limit
        self._bytes = bytearray()
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Reason | None] = loop.create_future()
        timer = loop.call_later(deadline_s, self.on_broken, Reason.REQUEST_TOO_SLOW)
        self.done.add_done_callback(lambda _: timer.cancel())

    @property
    def body(self) -> bytes:
        """What was read."""
        return bytes(self._bytes)

    def on_data(self, data: bytes) -> None:
        """Some payload."""
        self._bytes += data
        if len(self._bytes) > self._limit:
            self.on_broken(Reason.REQUEST_TOO_LARGE)

    def on_end(self) -> None:
        """All of it."""
        if not self.done.done():
            self.done.set_result(None)

    def on_broken(self, reason: Reason) -> None:
        """It will never be complete."""
        if not self.done.done():
            self.done.set_result(reason)

"""The one deadline that a connection has at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Setting it again takes the place of the one before."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, delay_s: float, action: Callable[[], None]) -> None:
        """Call `action` then, unless cleared before."""
        self.clear()
        self._timer = self._loop.call_later(delay_s, action)

    def clear(self) -> None:
        """There is nothing to wait for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

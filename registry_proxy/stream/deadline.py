"""The one deadline that a connection has at a time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Deadline:
    """Setting it again takes the place of the one before.

    Nearly every deadline is cleared long before it comes, several for each request. So its timer is left alone: one
    that fires too early is set again for the rest, and only one that would fire too late is taken back.
    """

    __slots__ = ("_action", "_due", "_fires_at", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._action: Callable[[], None] | None = None
        self._due = self._fires_at = math.inf

    def set(self, delay_s: float, action: Callable[[], None]) -> None:
        """Call `action` then, unless cleared before."""
        self._action, self._due = action, self._loop.time() + delay_s
        if self._due < self._fires_at:
            self._arm()

    def clear(self) -> None:
        """There is nothing to wait for."""
        self._action = None

    def stop(self) -> None:
        """Nothing will be waited for any more: let go of whoever set it."""
        self._action = None
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._fires_at = None, math.inf

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires_at = self._due
        self._timer = self._loop.call_at(self._due, self._fire)

    def _fire(self) -> None:
        self._timer, self._fires_at = None, math.inf
        action = self._action
        if action is None:
            return
        if self._loop.time() < self._due:
            self._arm()
            return
        self._action = None
        action()

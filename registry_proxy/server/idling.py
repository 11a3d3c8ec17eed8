"""Ends what has stopped moving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class IdleWatch:
    """Calls `on_idle` when `progress` gave the same number for a whole deadline. Costs one timer, not one per slice."""

    def __init__(self, deadline_s: float, progress: Callable[[], int], on_idle: Callable[[], None]) -> None:
        self._deadline_s, self._progress, self._on_idle = deadline_s, progress, on_idle
        self._seen = progress()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(deadline_s, self._look)

    def stop(self) -> None:
        """The stream ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self._progress()
        if now == self._seen:
            self._timer = None
            self._on_idle()
            return
        self._seen = now
        self._timer = self._loop.call_later(self._deadline_s, self._look)

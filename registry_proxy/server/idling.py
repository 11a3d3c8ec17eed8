"""Ends what has stopped moving, or moves so slowly that it only holds its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from registry_proxy.settings import Limits


class IdleWatch:
    """Calls `on_idle` when `progress` grew too little over a whole window. Costs one timer, not one per slice."""

    def __init__(self, limits: Limits, progress: Callable[[], int], on_idle: Callable[[], None]) -> None:
        self._window_s, self._progress, self._on_idle = limits.idle_body_deadline_s, progress, on_idle
        self._least = least_bytes(limits)
        self._seen = progress()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(self._window_s, self._look)

    def stop(self) -> None:
        """The stream ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self._progress()
        if now - self._seen < self._least:
            self._timer = None
            self._on_idle()
            return
        self._seen = now
        self._timer = self._loop.call_later(self._window_s, self._look)


def least_bytes(limits: Limits) -> int:
    """What has to move within one window."""
    return max(1, int(limits.least_bytes_per_s * limits.idle_body_deadline_s))

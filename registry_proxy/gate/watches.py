"""The exchanges that are running now, each with the call that cuts it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.wanted import Admission, Wanted

_log = logging.getLogger(__name__)

Cut = Callable[[Reason], None]


@dataclass(eq=False, slots=True)
class Watch:
    """One running exchange. `ends_at` is database time."""

    admission: Admission
    wanted: tuple[Wanted, ...]
    cut: Cut
    ends_at: float


class Watches:
    """A set that knows its earliest end and can be swept while it changes."""

    def __init__(self) -> None:
        self._running: dict[Watch, None] = {}
        self.earliest_end = math.inf  # may be too early after a removal, never too late

    def __len__(self) -> int:
        return len(self._running)

    def add(self, watch: Watch) -> None:
        """Register."""
        self._running[watch] = None
        self.earliest_end = min(self.earliest_end, watch.ends_at)

    def remove(self, watch: Watch) -> None:
        """Unregister; a repeat changes nothing."""
        self._running.pop(watch, None)

    def sweep(self, judge: Callable[[Watch], Reason | None], on_cut: Callable[[Reason], None]) -> None:
        """Judge every running exchange and cut those that fail. `judge` may move `ends_at`."""
        for watch in list(self._running):
            reason = judge(watch)
            if reason is not None and watch in self._running:
                self.end(watch, reason)
                on_cut(reason)
        self.earliest_end = min((watch.ends_at for watch in self._running), default=math.inf)

    def end(self, watch: Watch, reason: Reason) -> None:
        """Cut one exchange."""
        self.remove(watch)
        try:
            watch.cut(reason)
        except Exception:  # noqa: BLE001  # one stream that fails to close must not save the others from being cut
            _log.exception("an exchange could not be cut")

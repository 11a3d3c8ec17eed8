"""How long to wait before a worker that ended is started again."""

from __future__ import annotations

FIRST_S = 0.1
LONGEST_S = 15.0
CALM_S = 30.0  # one that lived this long did not die of its start


class Pacing:
    """One slot's: at once after a long life, then twice as long after each short one."""

    def __init__(self) -> None:
        self._pause_s = 0.0

    def next(self, lived_s: float) -> float:
        """Seconds to wait after a life of this length."""
        if lived_s >= CALM_S:
            self._pause_s = 0.0
            return 0.0
        self._pause_s = min(max(FIRST_S, 2 * self._pause_s), LONGEST_S)
        return self._pause_s

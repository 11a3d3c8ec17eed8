"""How often something happened within this minute, and which of the repeats are worth a record.

Whoever can be refused can be refused a thousand times a second. Beyond the first few, only each doubling is written:
the log still tells that it happened and how often, and nobody fills it from outside. A tally is one process's memory.
"""

from __future__ import annotations

WINDOW_S = 60.0
KEYS_MAX = 10_000  # what comes beyond counts as one: a crowd


class Tally:
    """Counts by key, anew in every window of time."""

    def __init__(self, *, window_s: float = WINDOW_S, keys_max: int = KEYS_MAX) -> None:
        self._window_s = window_s
        self._keys_max = keys_max
        self._window = -1
        self._counts: dict[str, int] = {}

    def add(self, key: str, *, now: float) -> int:
        """Count one more. Returns how many there are in this window, this one included."""
        counts = self._current(now)
        if key not in counts and len(counts) >= self._keys_max:
            key = ""
        counts[key] = counts.get(key, 0) + 1
        return counts[key]

    def count(self, key: str, *, now: float) -> int:
        """How many there are in this window."""
        return self._current(now).get(key, 0)

    def forget(self) -> None:
        """Begin anew; for tests."""
        self._counts = {}

    def _current(self, now: float) -> dict[str, int]:
        window = int(now // self._window_s)
        if window != self._window:
            self._window, self._counts = window, {}
        return self._counts


def is_worth_a_record(count: int, *, free: int) -> bool:
    """True for the first `free` ones, and from then on for each power of two."""
    return count <= free or count & (count - 1) == 0

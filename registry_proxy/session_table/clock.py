"""Two questions about time: what does the database's clock say now, and how old is the newest news?

The answer to the first never goes back. A database clock that steps back would otherwise give ended grants more time;
so the estimate gives way by at most `MAX_SLEW`, which lets the drift of this machine's clock not add up over days.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from registry_proxy.control_client.ticks import read_ticks

MAX_SLEW = 500e-6  # the most that an NTP-disciplined clock is slewed (ntp_adjtime(2), 500 ppm)
NEW_REQUEST_MAX_AGE_S = 1.0  # four heartbeats
STREAM_MAX_AGE_S = 3.0


class NewsClock:
    """Fed by the messages of the control plane; read by every decision."""

    def __init__(self, ticks: Callable[[], float] = read_ticks) -> None:
        self._ticks = ticks
        self._offset = -math.inf  # database seconds minus own ticks
        self._told_at = 0.0
        self._high_water = -math.inf
        self._fresh_at = -math.inf

    @property
    def is_set(self) -> bool:
        """False until the control plane spoke once."""
        return self._offset > -math.inf

    def hear_time(self, db_now: float, *, heard: float) -> float:
        """Take one reading of the database's clock. Returns how far the estimate is ahead of it, in seconds.

        A late message can only read low, so the highest reading is the best one.
        """
        reading = db_now - heard
        slewed = self._offset - MAX_SLEW * max(0.0, heard - self._told_at)
        self._told_at = max(self._told_at, heard)
        self._offset = max(reading, slewed)
        return self._offset - reading

    def hear_beat(self, fresh_at: float) -> None:
        """The control plane was alive then, by our own ticks."""
        self._fresh_at = max(self._fresh_at, fresh_at)

    def now(self) -> float:
        """Database time in epoch seconds; minus infinity while unknown."""
        estimate = self._ticks() + self._offset
        self._high_water = max(self._high_water, estimate)
        return self._high_water

    def age(self) -> float:
        """Seconds since the control plane was last known to be alive."""
        return max(0.0, self._ticks() - self._fresh_at)

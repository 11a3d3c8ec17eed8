"""The process's own seconds, for ages only. They never say what time it is."""

from __future__ import annotations

import time

# Boot time runs on while the machine is suspended; the monotonic clock does not, and a woken machine would then take
# old news for fresh (clock_gettime(2)).
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def read_ticks() -> float:
    """Seconds that only grow."""
    return time.clock_gettime(_CLOCK)

"""When a worker that says nothing is given up: a frozen process still holds its door, and its clients wait for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 2.0


async def wait_for_silence(
    asks: Callable[[], Awaitable[bool]],
    has_answered: Callable[[], bool],
    longest_s: float,
    *,
    every_s: float = LOOK_EVERY_S,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Return when somebody who answered once, to whomever, said nothing for `longest_s`. Who still starts never has."""
    heard_at = monotonic()
    while monotonic() - heard_at <= longest_s:
        await asyncio.sleep(every_s)
        if await asks() or not has_answered():
            heard_at = monotonic()

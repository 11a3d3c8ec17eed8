"""When a worker that says nothing is given up: a frozen process still holds its door, and its clients wait for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 2.0
SILENCES_MOST = 4  # each is a question of up to 3 s, so 8 to 20 s: no collector, disk or flood takes that long


async def wait_for_silence(
    asks: Callable[[], Awaitable[bool]], has_answered: Callable[[], bool], *, every_s: float = LOOK_EVERY_S
) -> None:
    """Return when somebody who answered once, to whomever, has stopped answering. Who still starts never has."""
    silences = 0
    while silences < SILENCES_MOST:
        await asyncio.sleep(every_s)
        is_heard = await asks()
        silences = 0 if is_heard or not has_answered() else silences + 1

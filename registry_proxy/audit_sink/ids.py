"""Random ids that rise with time, so that the log's indexes of them grow at their ends and not all over.

The random part is drawn from the kernel many at a time: one call costs ten times what cutting a piece off does.
"""

from __future__ import annotations

import os
import time

RANDOM_BYTES = 10
_AT_ONCE = 128
_waiting: list[str] = []


def random_hex() -> str:
    """32 hex digits: 12 of milliseconds, 20 that nobody can guess.

    Any thread; workers are started anew, never forked, so none share them.
    """
    while True:
        try:
            return f"{int(time.time() * 1000) & 0xFFFF_FFFF_FFFF:012x}{_waiting.pop()}"
        except IndexError:
            drawn = os.urandom(RANDOM_BYTES * _AT_ONCE).hex()
            _waiting.extend(drawn[i : i + 2 * RANDOM_BYTES] for i in range(0, len(drawn), 2 * RANDOM_BYTES))

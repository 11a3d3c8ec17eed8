"""Random ids that rise with time, so that the log's indexes of them grow at their ends and not all over.

The random part is drawn from the kernel many at a time: one call costs ten times what cutting a piece off does.
"""

from __future__ import annotations

import os
import time

RANDOM_BYTES = 10
_AT_ONCE = 128
_waiting: list[str] = []
_moment = (-1, "")  # spelled once a millisecond; a pair is replaced as a whole, so no thread sees half of it


def random_hex() -> str:
    """32 hex digits: 12 of milliseconds, 20 that nobody can guess.

    Any thread; workers are started anew, never forked, so none share them.
    """
    global _moment  # noqa: PLW0603  # a spelling, not a state
    now = int(time.time() * 1000) & 0xFFFF_FFFF_FFFF
    at, text = _moment
    if at != now:
        text = f"{now:012x}"
        _moment = now, text
    while True:
        try:
            return text + _waiting.pop()
        except IndexError:
            drawn = os.urandom(RANDOM_BYTES * _AT_ONCE).hex()
            _waiting.extend(drawn[i : i + 2 * RANDOM_BYTES] for i in range(0, len(drawn), 2 * RANDOM_BYTES))

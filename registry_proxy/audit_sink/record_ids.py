"""Names of records: unique without asking anybody, and rising, so that the log's index of them grows at its end."""

from __future__ import annotations

import itertools
import secrets

_WRITER_BYTES = 6  # random for each process: with the instant and the counter, 128 bits
_WRAP = 2**32


class RecordIds:
    """One per process, made after it was forked. 12 digits of milliseconds, 12 of the writer, 8 of a counter."""

    def __init__(self) -> None:
        self._writer = secrets.token_hex(_WRITER_BYTES)
        self._counter = itertools.count()

    def next(self, now: float) -> str:
        """The id of a record of `now`, in epoch seconds."""
        return f"rec_{int(now * 1000):012x}{self._writer}{next(self._counter) % _WRAP:08x}"

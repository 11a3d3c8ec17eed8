"""Random ids, drawn from the kernel many at a time: one call costs ten times what cutting a piece off does."""

from __future__ import annotations

import os

ID_BYTES = 16
_AT_ONCE = 128
_waiting: list[str] = []


def random_hex() -> str:
    """32 hex digits that nobody can guess. Any thread; workers are started anew, never forked, so none share them."""
    while True:
        try:
            return _waiting.pop()
        except IndexError:
            drawn = os.urandom(ID_BYTES * _AT_ONCE).hex()
            _waiting.extend(drawn[i : i + 2 * ID_BYTES] for i in range(0, len(drawn), 2 * ID_BYTES))

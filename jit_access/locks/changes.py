"""How rooms above learn that a lock was placed or is over. Handlers run inside the transaction of the change.

One that fails takes the change back, and who placed the lock sees it: better a lock that must be placed again than one
that stands while the streams it names run on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jit_access.locks.models import Lock

Handler: TypeAlias = Callable[[Lock], None]

_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(lock)` whenever a lock was placed, lifted or ran out. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def announce(lock: Lock) -> None:
    """Tell every handler. Only `locks.services` calls this, in its transaction."""
    for handler in tuple(_handlers):
        handler(lock)

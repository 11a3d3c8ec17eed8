"""Tells the floors above that facts about targets changed, without knowing them.

The proxies hold every target's address and credential in memory; proxy_sessions registers a handler that has them
load anew. Handlers run in the transaction of the change.
"""

from __future__ import annotations

from collections.abc import Callable

TargetsHandler = Callable[[], None]
_handlers: list[TargetsHandler] = []


def register(handler: TargetsHandler) -> None:
    """Have `handler()` called after a change. A second registration changes nothing."""
    if handler not in _handlers:
        _handlers.append(handler)


def announce() -> None:
    """Call every handler, in the order of registration."""
    for handler in _handlers:
        handler()

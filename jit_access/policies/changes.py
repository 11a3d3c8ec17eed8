"""Tells the floors above that another policy counts now, without knowing them.

Grants registers a handler in its `AppConfig.ready` and re-evaluates what is live. Handlers run in the transaction
that activates the version: if one fails, the old version stays.
"""

from __future__ import annotations

from collections.abc import Callable

PolicyHandler = Callable[[int], None]
_handlers: list[PolicyHandler] = []


def register(handler: PolicyHandler) -> None:
    """Have `handler(version number)` called when a version becomes active. A second registration changes nothing."""
    if handler not in _handlers:
        _handlers.append(handler)


def announce(version: int) -> None:
    """Call every handler, in the order of registration."""
    for handler in _handlers:
        handler(version)

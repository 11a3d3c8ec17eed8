"""Tells the floors above that facts about targets changed, without knowing them.

The proxies hold every target's address and credential in memory: proxy_sessions registers a handler that has them
load anew. Policy goes by tiers: grants registers one that asks again about what lives at a target. Handlers run in
the transaction of the change; one that fails takes the change back.
"""

from __future__ import annotations

from collections.abc import Callable

TargetsHandler = Callable[[], None]
TierHandler = Callable[[int], None]
_handlers: list[TargetsHandler] = []
_tier_handlers: list[TierHandler] = []


def register(handler: TargetsHandler) -> None:
    """Have `handler()` called when a target was added, changed or removed. A second registration changes nothing."""
    if handler not in _handlers:
        _handlers.append(handler)


def register_tier(handler: TierHandler) -> None:
    """Have `handler(primary key of the target)` called when the tier of one of its repositories changed."""
    if handler not in _tier_handlers:
        _tier_handlers.append(handler)


def announce() -> None:
    """Call every handler, in the order of registration."""
    for handler in _handlers:
        handler()


def announce_tier(target_id: int) -> None:
    """Call every tier handler, in the order of registration."""
    for handler in _tier_handlers:
        handler(target_id)

"""How rooms above learn that a request changed. Handlers run inside the transaction of the change.

A handler leaves rows of its own (a card to redraw, a reminder to stop) and does its slow work later: nothing outside
the database is touched here. One that fails takes the change back with it, and the caller sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

from jit_access.access_requests.models import AccessRequest


class Change(StrEnum):
    """What happened. The request's own state says what it led to."""

    SUBMITTED = "submitted"
    ANSWERED = "answered"  # one person said something, and others are still needed
    VOIDED = "voided"  # an approval was taken back with the rights of who gave it
    COMMENTED = "commented"
    NARROWED = "narrowed"
    REMINDED = "reminded"  # nothing changed, and that is the news
    ESCALATED = "escalated"  # nobody answered for long, so others hear of it too
    DECIDED = "decided"  # approved or denied
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"


Handler: TypeAlias = Callable[[AccessRequest, Change], None]

_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(request, change)` at each change from now on. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def unregister(handler: Handler) -> None:
    """Forget a handler; for tests that register their own."""
    _handlers.remove(handler)


def announce(request: AccessRequest, change: Change) -> None:
    """Tell every handler, in the order of registration. Only services call this, in the transaction of the change."""
    for handler in tuple(_handlers):
        handler(request, change)

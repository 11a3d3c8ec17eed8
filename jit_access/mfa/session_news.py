"""How rooms above learn that sessions of a person were ended from outside. Handlers run in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jit_access.accounts.models import User

# `session_ids` names the sessions that ended; None says that all of the person's did.
Handler: TypeAlias = Callable[[User, frozenset[str] | None], None]

_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(user, session_ids)` when an identity provider ends sessions. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def announce_end(user: User, session_ids: frozenset[str] | None) -> None:
    """Tell every handler."""
    for handler in tuple(_handlers):
        handler(user, session_ids)

"""How rooms above learn that sessions of a person were ended from outside. Handlers run in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jit_access.accounts.models import User

# `session_ids` names the sessions that ended; None says that all of the person's did.
Handler: TypeAlias = Callable[[User, frozenset[str] | None], None]

# Which of a person's sessions are over for good, whoever ended them.
EndedHandler: TypeAlias = Callable[[User, frozenset[str]], None]

_handlers: list[Handler] = []
_ended_handlers: list[EndedHandler] = []


def register(handler: Handler) -> None:
    """Call `handler(user, session_ids)` when an identity provider ends sessions. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def announce_end(user: User, session_ids: frozenset[str] | None) -> None:
    """Tell every handler."""
    for handler in tuple(_handlers):
        handler(user, session_ids)


def register_ended(handler: EndedHandler) -> None:
    """Call `handler(user, session_ids)` when sessions were ended by somebody, for what was signed in from them.

    Silence and age end a browser session too, but are no reason to end what runs elsewhere. Twice registered runs once.
    """
    if handler not in _ended_handlers:
        _ended_handlers.append(handler)


def announce_ended(user: User, session_ids: frozenset[str]) -> None:
    """Tell every handler, after the rows are gone and in the same transaction."""
    if session_ids - {""}:
        for handler in tuple(_ended_handlers):
            handler(user, session_ids)

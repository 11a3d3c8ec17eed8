"""How rooms above learn that a grant moved. Handlers run inside the transaction of the move.

Every move of a grant goes through `move_grant`, so none can be forgotten. A handler leaves rows of its own and touches
nothing outside the database; one that fails takes the move back with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from jit_access.core.transitions import move
from jit_access.domain.lifecycle import GrantState
from jit_access.grants.models import Grant

Handler: TypeAlias = Callable[[Grant], None]

_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(grant)` at each move from now on. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def unregister(handler: Handler) -> None:
    """Forget a handler; for tests that register their own."""
    _handlers.remove(handler)


def announce(grant: Grant) -> None:
    """Tell every handler. Only `move_grant` and the making of a grant call this, in their transaction."""
    for handler in tuple(_handlers):
        handler(grant)


def move_grant(grant: Grant, new_state: GrantState, **fields: Any) -> None:
    """`core.transitions.move`, and everybody who registered hears of it. Raises: Conflict."""
    move(grant, new_state, **fields)
    announce(grant)

"""How rooms above learn that an account lost something. Handlers run inside the transaction of the loss.

A handler that fails takes the loss back with it and the caller sees it: better a lock that must be repeated than a
locked account whose grants live on unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jit_access.accounts.models import User
from jit_access.domain.reasons import Reason

Handler: TypeAlias = Callable[[User, Reason], None]

_handlers: list[Handler] = []
_enders: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(user, reason)` whenever a group is lost or an account is locked. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def unregister(handler: Handler) -> None:
    """Forget a handler; for tests that register their own."""
    _handlers.remove(handler)


def announce_loss(user: User, reason: Reason) -> None:
    """Tell every handler. Only `accounts.services` calls this, in its transaction."""
    for handler in tuple(_handlers):
        handler(user, reason)


def register_end(handler: Handler) -> None:
    """Call `handler(user, reason)` whenever all that an account holds has to end, whatever rules say of it.

    So it is when somebody else may have had what the account acts by, and when another person answers for it.
    """
    if handler not in _enders:
        _enders.append(handler)


def announce_end(user: User, reason: Reason) -> None:
    """Tell every handler of `register_end`, in the transaction that says why."""
    for handler in tuple(_enders):
        handler(user, reason)

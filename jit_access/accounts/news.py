"""How people hear of their accounts: rooms above deliver what is said here, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from jit_access.accounts.models import User


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell, and whom. `is_loud`: also said to the place that the security team watches.

    `path` is an address in our own pages; it never carries a right. `key` keeps a repeat from being told twice.
    """

    kind: str
    people: tuple[User, ...]
    subject: str
    text: str
    path: str
    key: str
    is_loud: bool = False


Handler: TypeAlias = Callable[[Message], None]

_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(message)` for each message from now on. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def say(message: Message) -> None:
    """Leave a message. Only `accounts.services` calls this, in its transaction."""
    for handler in tuple(_handlers):
        handler(message)

"""How rooms above learn that a trust is over. Handlers run inside the transaction of its end.

One that fails takes the end back with it, and whoever ended it sees that: better a trust that must be ended again than
one that is over while the tokens that were got under it still open doors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jit_access.domain.actors import ActorRef
from jit_access.workloads.models import WorkloadTrust

Handler: TypeAlias = Callable[[ActorRef, WorkloadTrust], None]

_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(actor, trust)` whenever a trust was revoked. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def announce_end(actor: ActorRef, trust: WorkloadTrust) -> None:
    """Tell every handler. Only this room's services call this, in their transaction."""
    for handler in tuple(_handlers):
        handler(actor, trust)

"""What a stream needs of its two ends, as narrow as it goes; both ends are connections elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from jit_access.domain.reasons import Reason

# None: go on. Called before every slice; costs one comparison of integers while nothing changed.
Guard = Callable[[], Reason | None]


class Side(Protocol):
    """A connection that is read from on one side of a stream and written to on the other."""

    def write(self, data: bytes) -> None:
        """Queue bytes."""

    def pause_reading(self) -> None:
        """Let TCP hold the peer back."""

    def resume_reading(self) -> None:
        """Take more."""

    def abort(self) -> None:
        """End the connection by a reset, dropping what is queued."""


class ReceivingSide(Side, Protocol):
    """The client's connection while a body goes to it."""

    def when_flushed(self, action: Callable[[], None]) -> None:
        """Call once nothing waits in our own buffer."""


class SendingSide(Side, Protocol):
    """The registry's connection while a body goes to it."""

    is_request_sent: bool

"""What a stream needs of its two ends, as narrow as it goes; both ends are connections elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from jit_access.domain.reasons import Reason

# None: go on. Called before every slice; costs one comparison of integers while nothing changed.
Guard = Callable[[], Reason | None]


class BodySink(Protocol):
    """Takes a body. Exactly one of `on_end` and `on_broken` is the last call."""

    def on_data(self, data: bytes) -> None:
        """Some payload; never empty."""

    def on_end(self) -> None:
        """The body is complete."""

    def on_broken(self, reason: Reason) -> None:
        """The body will never be complete."""


class Side(Protocol):
    """A connection that is read from on one side of a stream and written to on the other."""

    @property
    def descriptor(self) -> int:
        """Of a plain TCP connection; -1 where bytes have to go through user space, or where it is gone."""

    def write(self, data: bytes) -> None:
        """Queue bytes."""

    def when_flushed(self, action: Callable[[], None]) -> None:
        """Call once nothing waits in our own buffer; never when the connection is gone first."""

    def pause_reading(self) -> None:
        """Let TCP hold the peer back."""

    def resume_reading(self) -> None:
        """Take more."""

    def lend(self, recall: Callable[[], None] | None) -> None:
        """A duplicate of the descriptor exists: `recall` is called before this connection ends. None: not any more."""

    def abort(self) -> None:
        """End the connection by a reset, dropping what is queued."""


class Source(Side, Protocol):
    """The connection that a body comes from."""

    @property
    def bytes_left(self) -> int:
        """What is still to come of a body of known length; 0 where the end is marked in the body."""

    def deliver_to(self, sink: BodySink) -> None:
        """Give the body to `sink`, from its first byte."""

    def skip(self, count: int) -> None:
        """So much of the body went past in the kernel."""


class ReceivingSide(Side, Protocol):
    """The client's connection while a body goes to it."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait in our own buffer."""


class SendingSide(Side, Protocol):
    """The registry's connection while a body goes to it."""

    is_request_sent: bool

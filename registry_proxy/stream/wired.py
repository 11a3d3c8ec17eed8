"""What the connections of both legs pass on to their wire, so that a stream can use either."""

from __future__ import annotations

from collections.abc import Callable

from registry_proxy.stream.wire import Wire


class Wired:
    """The part of a `Side` that needs no meaning. A connection adds heads and bodies."""

    def __init__(self) -> None:
        self._wire = Wire()

    @property
    def descriptor(self) -> int:
        """For the kernel path; -1 where bytes have to go through user space."""
        return self._wire.descriptor

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait in our own buffer."""
        return self._wire.unsent_bytes

    @property
    def has_halves(self) -> bool:
        """True without TLS."""
        return self._wire.is_plain

    def write(self, data: bytes) -> None:
        """Queue bytes; a connection that is gone reports elsewhere."""
        self._wire.write(data)

    def when_flushed(self, action: Callable[[], None]) -> None:
        """Call once nothing waits in our own buffer; never when the connection is gone first."""
        self._wire.when_flushed(action)

    def pause_reading(self) -> None:
        """Let TCP hold the peer back."""
        self._wire.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        self._wire.resume_reading()

    def lend(self, recall: Callable[[], None] | None) -> None:
        """The kernel path begins or ends."""
        self._wire.lend(recall)

    def end_writing(self) -> None:
        """End our half, after what is queued."""
        self._wire.end_writing()

    def abort(self) -> None:
        """Reset: what is queued is dropped, and the peer does not take a torn body for a whole one."""
        self._wire.abort()

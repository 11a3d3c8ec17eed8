"""One connection's transport, the same on both legs: what waits in it, what holds it back, and how it is reset."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

# close() then sends a reset and drops what the kernel still holds: a peer never takes a part for the whole.
_LINGER_NOT = struct.pack("ii", 1, 0)
# What the kernel may hold for a peer beyond what is on its way: a slow one costs no more, and a long fat network is
# not slowed down, as it would be by a small send buffer. Half of it fills again in one slice.
UNSENT_IN_KERNEL_BYTES = 512 * 1024


class Wire:
    """Safe to use before the connection stands and after it is gone; then nothing happens."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._recall: Callable[[], None] | None = None
        self._when_flushed: list[Callable[[], None]] = []
        self._is_plain = False
        self._is_held = False  # the transport knows it too; asking it costs more than remembering

    def attach(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport, as servers and clients make them
        self._is_plain = transport.get_extra_info("sslcontext") is None
        # Anything that waits holds its sender back, so that a slow peer costs one slice. uvloop's TLS pauses at `high`,
        # the others above it.
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=0 if self._is_plain else 1, low=0)
        raw = self._socket()
        if raw is not None:
            with contextlib.suppress(OSError):  # the peer was faster
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_IN_KERNEL_BYTES)

    def detach(self) -> None:
        """The connection is gone. A duplicate that is still held would keep it open for the peer."""
        self.recall()
        self._transport = None
        self._when_flushed.clear()

    @property
    def transport(self) -> asyncio.Transport | None:
        """None before and after."""
        return self._transport

    @property
    def is_open(self) -> bool:
        """True while something can still be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_plain(self) -> bool:
        """True without TLS."""
        return self._is_plain

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait in our own buffer."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    @property
    def descriptor(self) -> int:
        """The socket's number where the kernel may move its bytes, else -1."""
        raw = self._socket() if self._is_plain and self.is_open else None
        return raw.fileno() if raw is not None else -1

    def write(self, data: bytes) -> None:
        """Queue bytes. A connection that is gone reports elsewhere."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def end_writing(self) -> None:
        """End our half after what is queued. TLS has no halves."""
        if self._is_plain and self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """End in good order: what is queued still goes out."""
        self.recall()
        if self._transport is not None:
            self._transport.close()

    def when_flushed(self, action: Callable[[], None]) -> None:
        """Call once nothing waits in our own buffer; never when the connection is gone first."""
        if not self.is_open:
            return
        if self.unsent_bytes:
            self._when_flushed.append(action)
        else:
            action()

    def flushed(self) -> None:
        """Called by the protocol's `resume_writing`."""
        waiting, self._when_flushed = self._when_flushed, []
        for action in waiting:
            self.when_flushed(action)  # what the one before wrote may wait again

    def pause_reading(self) -> None:
        """Let TCP hold the peer back."""
        if not self._is_held and self.is_open and self._transport is not None:
            self._is_held = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        if self._is_held and self.is_open and self._transport is not None:
            self._is_held = False
            self._transport.resume_reading()

    def lend(self, recall: Callable[[], None] | None) -> None:
        """Somebody holds a duplicate of the descriptor and closes it when `recall` is called. None: not any more."""
        self._recall = recall

    def recall(self) -> None:
        """Have the duplicate closed, if there is one."""
        recall, self._recall = self._recall, None
        if recall is not None:
            recall()

    def abort(self) -> None:
        """Reset. Duplicates go first: the kernel resets when the last descriptor of the connection closes."""
        self.recall()
        if self._transport is None:
            return
        raw = self._socket()
        if raw is not None:
            with contextlib.suppress(OSError):  # the peer was faster
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def _socket(self) -> socket.socket | None:
        return self._transport.get_extra_info("socket") if self._transport is not None else None

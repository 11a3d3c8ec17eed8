"""A kept body on its way to a client: from file to socket in the kernel, or in reads where that is not possible.

The same promises as a transfer from a registry: the guard is asked before every slice, a slow client costs no memory,
a cut resets the connection and drops what is queued.
"""

from __future__ import annotations

import asyncio
import os
import sys

from jit_access.domain.reasons import Reason
from registry_proxy.stream.sides import Guard, ReceivingSide

# What may pass between two questions to the guard.
SLICE_BYTES = 1024 * 1024
READ_BYTES = 256 * 1024
_AHEAD_BYTES = 4 * SLICE_BYTES
HAS_SENDFILE = sys.platform == "linux" and hasattr(os, "sendfile")


class Sending:
    """Owns the file, and a duplicate of the client's descriptor while it sends. Ends once, as `Download` does."""

    def __init__(self, client: ReceivingSide, guard: Guard, fd: int, size: int) -> None:
        self._client, self._guard = client, guard
        self._file, self._size = fd, size
        self._socket = -1
        self._loop = asyncio.get_running_loop()
        self._read_ahead = 0
        self.moved = 0
        self.is_held_back = False
        self.done: asyncio.Future[Reason | None] = self._loop.create_future()

    def begin(self, head: bytes) -> None:
        """Send the head, then the body."""
        self._client.write(head)
        self._client.when_flushed(self._start)

    def cut(self, reason: Reason) -> None:
        """End now. What is queued for the client is dropped."""
        if self.done.done():
            return
        self.done.set_result(reason)
        self._let_go()
        self._client.abort()

    def on_client_paused(self) -> None:
        """Nothing to hold back: the next slice is read when the last one is gone."""

    def on_client_resumed(self) -> None:
        """The same."""

    def close(self) -> None:
        """Let go of everything; for one that never began."""
        self._let_go()

    # -- slices

    def _start(self) -> None:
        if self.done.done():
            return
        if HAS_SENDFILE and self._client.descriptor >= 0 and self._borrow_socket():
            self._loop.add_writer(self._socket, self._send_slice)
        else:
            self._read_slice()

    def _borrow_socket(self) -> bool:
        try:
            self._socket = os.dup(self._client.descriptor)  # libuv has one handle for each number
        except OSError:
            return False
        self._client.lend(self._return_socket)
        return True

    def _send_slice(self) -> None:
        """One slice for each turn of the event loop, as much as the socket takes."""
        count = self._may_send(SLICE_BYTES)
        if not count:
            return
        try:
            sent = os.sendfile(self._socket, self._file, self.moved, count)
        except BlockingIOError:
            self.is_held_back = True
            return
        except OSError:
            self.cut(Reason.CLIENT_WENT_AWAY)
            return
        self.is_held_back = sent < count
        self._sent(sent)
        if self.moved == self._size:
            self._finish()

    def _read_slice(self) -> None:
        """Through user space: TLS, and systems without sendfile."""
        self.is_held_back = False
        count = self._may_send(READ_BYTES)
        if not count:
            return
        try:
            data = os.pread(self._file, count, self.moved)
        except OSError:
            data = b""
        if data:
            self._client.write(data)
        self._sent(len(data))
        if self.done.done():
            return
        self.is_held_back = self._client.unsent_bytes > 0
        self._client.when_flushed(self._read_next)

    def _read_next(self) -> None:
        if self.moved == self._size:
            self._finish()
        else:
            self._loop.call_soon(self._read_slice)  # one slice for each turn, and no recursion

    def _may_send(self, most: int) -> int:
        """How many bytes may go next; 0 when it is over."""
        if self.done.done():
            return 0
        reason = self._guard()
        if reason is not None:
            self.cut(reason)
            return 0
        if not self._size:
            self._finish()
        return min(most, self._size - self.moved)

    def _sent(self, count: int) -> None:
        if not count:
            self.cut(Reason.INTERNAL_ERROR)  # the file is shorter than it was: the client must not take it for whole
            return
        self.moved += count
        if self.moved + SLICE_BYTES > self._read_ahead and hasattr(os, "posix_fadvise"):
            # A slice that is not in memory would make everybody wait for the disk.
            os.posix_fadvise(self._file, self._read_ahead, _AHEAD_BYTES, os.POSIX_FADV_WILLNEED)
            self._read_ahead += _AHEAD_BYTES

    # -- ends

    def _finish(self) -> None:
        if not self.done.done():
            self._let_go()
            self.done.set_result(None)

    def _let_go(self) -> None:
        self._return_socket()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _return_socket(self) -> None:
        if self._socket >= 0:
            self._loop.remove_writer(self._socket)
            os.close(self._socket)
            self._socket = -1
            self._client.lend(None)

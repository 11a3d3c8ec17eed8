"""Pipes between two sockets: kept for the next transfer, and never so many that the kernel's own bound is felt."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass

KIB = 1024
# So many in use at once get so large a pipe. An unprivileged user has 16,384 pages for all pipes of all its processes
# (/proc/sys/fs/pipe-user-pages-soft); this plan takes half of them with 128 transfers.
_SIZES = ((16, 1024 * KIB), (64, 256 * KIB))
_SMALLEST_BYTES = 64 * KIB
MAX_IDLE = 16


@dataclass(frozen=True, slots=True)
class Pipe:
    """Both ends of one pipe, neither of which blocks."""

    read_end: int
    write_end: int

    def close(self) -> None:
        """Whatever is in it is dropped."""
        os.close(self.read_end)
        os.close(self.write_end)


class PipePool:
    """Lends pipes that are empty."""

    def __init__(self) -> None:
        self._idle: list[Pipe] = []
        self._lent = 0

    def take(self) -> Pipe | None:
        """A pipe; None when the kernel gives no usable one, and bytes have to go through user space."""
        pipe = self._idle.pop() if self._idle else _open_pipe(self._size())
        if pipe is not None:
            self._lent += 1
        return pipe

    def give_back(self, pipe: Pipe, *, is_empty: bool) -> None:
        """Keep it when the next transfer cannot find a byte of this one in it."""
        self._lent -= 1
        if is_empty and len(self._idle) < MAX_IDLE:
            self._idle.append(pipe)
        else:
            pipe.close()

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _size(self) -> int:
        return next((size for below, size in _SIZES if self._lent < below), _SMALLEST_BYTES)


def _open_pipe(size: int) -> Pipe | None:
    try:
        pipe = Pipe(*os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:  # out of descriptors
        return None
    for wanted in (size, _SMALLEST_BYTES):
        try:
            fcntl.fcntl(pipe.write_end, fcntl.F_SETPIPE_SZ, wanted)
        except OSError:  # EPERM: the user's pages are used up; a smaller pipe does as well
            continue
        return pipe
    # Past the bound the kernel makes pipes of two pages: slower than the way through user space.
    pipe.close()
    return None

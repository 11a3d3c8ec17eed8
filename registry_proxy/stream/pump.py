"""The kernel path: a body of known length goes from socket to socket through a pipe and never enters user space.

The one class here owns raw descriptors. uvloop watches each descriptor number once and the transports have theirs, so
the pump works on duplicates. They are closed before anything else happens to the connections: a connection whose
duplicate is open does not end.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from collections.abc import Callable
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from registry_proxy.stream.pipes import PipePool
from registry_proxy.stream.sides import Guard, Side, Source

# What may pass between two questions to the guard.
SLICE_BYTES = 1024 * 1024
# Never SPLICE_F_MORE: it makes the kernel hold partial data back.
_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """Whose fault it is when a side ends early, and whether the source may have something behind the body."""

    source: Reason
    sink: Reason
    may_follow: bool


class Pump:
    """Moves what is left of one body. Calls `on_end` once: with None after the last byte, or with why not; never after
    `stop`.
    """

    def __init__(self, pipes: PipePool, guard: Guard, fault: Fault, on_end: Callable[[Reason | None], None]) -> None:
        self._pipes, self._guard, self._fault, self._on_end = pipes, guard, fault, on_end
        self._loop = asyncio.get_running_loop()
        self._pipe = pipes.take()
        self._source = self._sink = -1
        self._left = self._in_pipe = 0
        self._is_watching = False
        self._lenders: tuple[Side, ...] = ()
        self.moved = 0
        self.is_held_back = False  # waits for the sink, not for the source

    def start(self, source: Source, sink: Side) -> bool:
        """Begin; False when the kernel has no pipe or descriptor left for us, and nothing was touched."""
        if self._pipe is None:
            return False
        try:
            self._source = os.dup(source.descriptor)
            self._sink = os.dup(sink.descriptor)
        except OSError:
            self.stop()
            return False
        self._left = source.bytes_left
        source.pause_reading()
        self._lenders = (source, sink)
        for lender in self._lenders:
            lender.lend(self.stop)
        self._watch(is_held_back=False)
        return True

    def stop(self) -> None:
        """Let go of everything, at any moment. What is in the pipe is dropped."""
        if self._is_watching:
            self._unwatch()
        for descriptor in (self._source, self._sink):
            if descriptor >= 0:
                os.close(descriptor)
        self._source = self._sink = -1
        if self._pipe is not None:
            self._pipes.give_back(self._pipe, is_empty=not self._in_pipe)
            self._pipe = None
        for lender in self._lenders:
            lender.lend(None)
        self._lenders = ()

    def _turn(self) -> None:
        """One slice in, one slice out, and the guard before it: once per turn of the event loop."""
        pipe, reason = self._pipe, self._guard()
        if reason is not None or pipe is None:
            self._end(reason or Reason.INTERNAL_ERROR)
            return
        if not self._in_pipe and not self._fill(pipe.write_end):
            return
        try:
            sent = os.splice(pipe.read_end, self._sink, self._in_pipe, flags=_FLAGS)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(self._fault.sink)
            return
        self._in_pipe -= sent
        self.moved += sent
        if self._in_pipe:
            self._watch(is_held_back=True)
        elif not self._left:
            self._end(None)

    def _fill(self, write_end: int) -> bool:
        """Take a slice from the source; False when there was none."""
        try:
            taken = os.splice(self._source, write_end, min(self._left, SLICE_BYTES), flags=_FLAGS)
        except BlockingIOError:
            self._watch(is_held_back=False)
            return False
        except OSError:
            taken = 0
        self._left -= taken
        self._in_pipe = taken
        # A source that goes on after its last byte may have meant something else by all of it: the last slice is kept.
        if not taken or (not self._left and not self._fault.may_follow and _has_unread(self._source)):
            self._end(self._fault.source)
            return False
        return True

    def _end(self, reason: Reason | None) -> None:
        self.stop()
        self._on_end(reason)

    def _watch(self, *, is_held_back: bool) -> None:
        """Wait for the side that has to move next. Both watches stay level-triggered, so nothing is missed."""
        if self._is_watching:
            if self.is_held_back is is_held_back:
                return
            self._unwatch()
        self._is_watching, self.is_held_back = True, is_held_back
        if is_held_back:
            self._loop.add_writer(self._sink, self._turn)
        else:
            self._loop.add_reader(self._source, self._turn)

    def _unwatch(self) -> None:
        self._is_watching = False
        if self.is_held_back:
            self._loop.remove_writer(self._sink)
        else:
            self._loop.remove_reader(self._source)


def _has_unread(descriptor: int) -> bool:
    return any(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))

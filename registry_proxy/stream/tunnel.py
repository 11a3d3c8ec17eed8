"""Raw bytes in both directions, after both sides agreed on another protocol. Nothing in them is understood here.

The guard is asked before every slice of either direction; a cut resets both sides. A side may end its half and still
listen (RFC 9293 3.6); TLS has no halves, so there the end of one direction is the end of both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from jit_access.domain.reasons import Reason
from registry_proxy.stream.sides import BodySink, Guard


class TunnelEnd(Protocol):
    """One of the two connections."""

    @property
    def is_open(self) -> bool:
        """True while something can still be written."""

    @property
    def has_halves(self) -> bool:
        """True when it can end its writing and go on reading."""

    def deliver_to(self, sink: BodySink) -> None:
        """Give `sink` everything that comes, from the first raw byte."""

    def write(self, data: bytes) -> None:
        """Queue bytes."""

    def when_flushed(self, action: Callable[[], None]) -> None:
        """Call once nothing waits in our own buffer; never when the connection is gone first."""

    def end_writing(self) -> None:
        """End our half, after what is queued."""

    def pause_reading(self) -> None:
        """Let TCP hold the peer back."""

    def resume_reading(self) -> None:
        """Take more."""

    def abort(self) -> None:
        """End the connection by a reset."""


class Tunnel:
    """Ends once: `done` holds why it broke, or None when both directions ended by themselves."""

    def __init__(self, client: TunnelEnd, upstream: TunnelEnd, guard: Guard) -> None:
        self._client, self._upstream = client, upstream
        self.guard = guard
        self._up = _Direction(self, client, upstream, lost=Reason.CLIENT_WENT_AWAY, unheard=Reason.UPSTREAM_AWAY)
        self._down = _Direction(self, upstream, client, lost=Reason.UPSTREAM_BROKEN, unheard=Reason.CLIENT_WENT_AWAY)
        self.done: asyncio.Future[Reason | None] = asyncio.get_running_loop().create_future()

    @property
    def moved_up(self) -> int:
        """Bytes from the client."""
        return self._up.moved

    @property
    def moved_down(self) -> int:
        """Bytes to the client."""
        return self._down.moved

    def begin(self) -> None:
        """Both sides said yes. What either of them sent right behind it goes first."""
        self._upstream.deliver_to(self._down)
        if not self.done.done():
            self._client.deliver_to(self._up)

    def cut(self, reason: Reason) -> None:
        """Reset both sides now; what is queued is dropped."""
        if self.done.done():
            return
        self.done.set_result(reason)
        self._client.abort()
        self._upstream.abort()

    def on_direction_over(self) -> None:
        """One direction ended and was flushed."""
        if self._up.is_over and self._down.is_over and not self.done.done():
            self.done.set_result(None)

    def end_both(self) -> None:
        """A side without halves ended: nothing can come or go there any more."""
        for direction in (self._up, self._down):
            direction.finish()

    # -- backpressure: whoever is slower holds the other side's peer back

    def on_client_paused(self) -> None:
        """The client takes no more for now."""
        self._upstream.pause_reading()

    def on_client_resumed(self) -> None:
        """The client caught up."""
        if not self.done.done():
            self._upstream.resume_reading()

    def on_write_paused(self) -> None:
        """The registry takes no more for now."""
        self._client.pause_reading()

    def on_write_resumed(self) -> None:
        """The registry caught up."""
        if not self.done.done():
            self._client.resume_reading()


class _Direction:
    """Takes what `source` sends and gives it to `sink`."""

    def __init__(self, tunnel: Tunnel, source: TunnelEnd, sink: TunnelEnd, *, lost: Reason, unheard: Reason) -> None:
        self._tunnel, self._source, self._sink = tunnel, source, sink
        self._lost, self._unheard = lost, unheard
        self._is_finishing = False
        self.is_over = False
        self.moved = 0

    def on_data(self, data: bytes) -> None:
        """One slice."""
        if self._tunnel.done.done():
            return
        reason = self._tunnel.guard()
        if reason is None and not self._sink.is_open:
            reason = self._unheard
        if reason is not None:
            self._tunnel.cut(reason)
            return
        self.moved += len(data)
        self._sink.write(data)

    def on_end(self) -> None:
        """The source ended its half."""
        if self._tunnel.done.done():
            return
        if self._source.has_halves:
            self.finish()
        else:
            self._tunnel.end_both()

    def on_broken(self, _reason: Reason) -> None:
        """The source is gone."""
        self._tunnel.cut(self._lost)

    def finish(self) -> None:
        """Pass the end on behind what is still queued, once; towards a side that is gone nothing is waited for."""
        if self._is_finishing:
            return
        self._is_finishing = True
        if self._sink.is_open:
            self._sink.when_flushed(self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._sink.end_writing()
        self.is_over = True
        self._tunnel.on_direction_over()

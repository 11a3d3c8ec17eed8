"""A body on its way from the client to the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import LAST_CHUNK, frame_chunk
from registry_proxy.protocols.body_checks import BodyCheck, BodyRefused
from registry_proxy.stream.choosing import goes_by_kernel
from registry_proxy.stream.pipes import PipePool
from registry_proxy.stream.pump import Fault, Pump
from registry_proxy.stream.sides import Guard, SendingSide, Source

# What follows a client's body is its next request.
_FAULT = Fault(source=Reason.CLIENT_WENT_AWAY, sink=Reason.UPSTREAM_AWAY, may_follow=True)


class Upload:
    """Ends once: `sent` is done when nothing more will be sent; `broken` says why, if it was not all."""

    def __init__(
        self, client: Source, upstream: SendingSide, guard: Guard, pipes: PipePool, *, is_chunked: bool, limit: int
    ) -> None:  # fmt: skip
        self._client, self._upstream, self._guard, self._pipes = client, upstream, guard, pipes
        self._is_chunked, self._limit = is_chunked, limit
        self.check: BodyCheck | None = None  # set before `begin`
        # Asked when the client's last byte is here; the check's `finish` waits for the yes. Set before `begin`.
        self.last_question: Callable[[], Awaitable[Reason | None]] | None = None
        self._is_asking = False
        self._pump: Pump | None = None
        self._relayed = 0
        self._is_paused = False
        self.broken: Reason | None = None
        self.sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def moved(self) -> int:
        """Payload bytes given to the registry's connection."""
        return self._relayed + (self._pump.moved if self._pump is not None else 0)

    @property
    def is_held_back(self) -> bool:
        """True while it is the registry that has to move next."""
        return self._is_asking or self._is_paused or (self._pump is not None and self._pump.is_held_back)

    def begin(self) -> None:
        """Send what came of the body already, then the rest, as it comes."""
        self._client.deliver_to(self)
        is_looked_at = self.check is not None or self.moved + self._client.bytes_left > self._limit
        if not self.sent.done() and goes_by_kernel(self._client, self._upstream, is_looked_at=is_looked_at):
            self._client.pause_reading()
            self._upstream.when_flushed(self._start_pump)

    def on_data(self, data: bytes) -> None:
        """One slice from the client."""
        if self.sent.done():
            return
        reason = self._guard()
        if reason is None and self.moved + len(data) > self._limit:
            reason = Reason.REQUEST_TOO_LARGE
        if reason is not None:
            self.cut(reason)
            return
        self._relayed += len(data)
        if self.check is None:
            self._write(data)
        else:
            self._checked(self.check.feed, data)

    def _write(self, data: bytes) -> None:
        if data:
            self._upstream.write(frame_chunk(data) if self._is_chunked else data)

    def _checked(self, step: Callable[..., bytes], *data: bytes) -> None:
        try:
            self._write(step(*data))
        except BodyRefused as exc:
            self.cut(exc.reason)

    def on_end(self) -> None:
        """The client sent everything it announced."""
        if self.last_question is None or self.sent.done():
            self._end()
            return
        self._is_asking = True
        asking = asyncio.ensure_future(self.last_question())
        asking.add_done_callback(self._on_told)
        self.sent.add_done_callback(lambda _: asking.cancel())

    def _on_told(self, asking: asyncio.Future[Reason | None]) -> None:
        self._is_asking = False
        if asking.cancelled():
            return
        reason = Reason.INTERNAL_ERROR if asking.exception() is not None else asking.result() or self._guard()
        if reason is None:
            self._end()
        else:
            self.cut(reason)

    def _end(self) -> None:
        if self.check is not None and not self.sent.done():
            self._checked(self.check.finish)
        if self.sent.done():
            return
        if self._is_chunked:
            self._upstream.write(LAST_CHUNK)
        self._upstream.is_request_sent = True
        self.sent.set_result(None)

    def on_broken(self, reason: Reason) -> None:
        """The client's body is malformed, or the client is gone."""
        self.cut(reason)

    def cut(self, reason: Reason) -> None:
        """Send nothing more. The registry sees a reset, never the end of a body."""
        if self.sent.done():
            return
        self.broken = reason
        self.sent.set_result(None)
        self._upstream.abort()

    def stop(self) -> None:
        """The registry answered early, or is gone: it takes no more of this body."""
        if self._pump is not None:
            self._pump.stop()
        if not self.sent.done():
            self.sent.set_result(None)

    def on_write_paused(self) -> None:
        """The registry is slower: let TCP hold the client back."""
        self._is_paused = True
        self._client.pause_reading()

    def on_write_resumed(self) -> None:
        """The registry caught up."""
        self._is_paused = False
        if not self.sent.done() and self._pump is None:
            self._client.resume_reading()

    def _start_pump(self) -> None:
        if self.sent.done():
            return
        pump = Pump(self._pipes, self._guard, _FAULT, self._on_pumped)
        if pump.start(self._client, self._upstream):
            self._pump = pump
        else:
            self._client.resume_reading()

    def _on_pumped(self, reason: Reason | None) -> None:
        if reason is _FAULT.sink:
            self.stop()  # why is in what it answered: the connection is still read to its end
        elif reason is not None:
            self.cut(reason)
        elif self._pump is not None:
            self._client.skip(self._pump.moved)

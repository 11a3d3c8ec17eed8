"""One connection to a registry: one request at a time, one response read strictly, reused only when in step."""

from __future__ import annotations

import asyncio
from typing import Protocol

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import BodyReader, CountedBody, RawBody, make_reader
from registry_proxy.protocols.http1 import UNBOUNDED, FramingError, ResponseHead
from registry_proxy.stream.deadline import Deadline
from registry_proxy.stream.sides import BodySink
from registry_proxy.stream.wired import Wired
from registry_proxy.upstream.failure import UpstreamError, away, broken
from registry_proxy.upstream.response_head import HeadBuffer, read_response_head

MAX_INTERIM_RESPONSES = 8


class WriteListener(Protocol):
    """Told when the registry cannot take more."""

    def on_write_paused(self) -> None:
        """Hold back."""

    def on_write_resumed(self) -> None:
        """Go on."""


class UpstreamConnection(Wired, asyncio.Protocol):
    """Raw bytes come and go here; meaning is in `client`."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._method = ""
        self._upgrade = b""
        self._buffer = HeadBuffer()
        self._head: asyncio.Future[ResponseHead] | None = None
        self._reader: BodyReader | None = None
        self._sink: BodySink | None = None
        self._pending = b""
        self._interim = 0
        self._is_in_step = True
        self._keeps_alive = True
        self.write_listener: WriteListener | None = None
        self.deadline = Deadline()
        self.is_request_sent = True
        self.idle_since = 0.0

    # -- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, when the connection stands."""
        self._wire.attach(transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop with at most 256 KiB."""
        if self._head is None:
            self._give_up()  # bytes that nobody asked for: an answer to a request we did not make
        elif self._reader is None:
            self._read_head(data)
        else:
            self._read_body(data)

    def eof_received(self) -> bool:
        """A half-closed registry will not finish anything, unless both sides agreed on another protocol."""
        if not isinstance(self._reader, RawBody):
            return False
        self._reader.end()
        if self._sink is not None:
            self._end_body(b"")
        return self._wire.is_plain

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called once, when the connection is gone."""
        self._is_in_step = False
        self.deadline.stop()
        self._wire.detach()
        # Only a registry that said nothing at all may not have seen the request; such a request may be sent again.
        self._fail(broken() if self._buffer or self._interim else away())

    def pause_writing(self) -> None:
        """Called by the transport when something waits in its buffer."""
        if self.write_listener is not None:
            self.write_listener.on_write_paused()

    def resume_writing(self) -> None:
        """Called by the transport when its buffer has drained."""
        self._wire.flushed()
        if self.write_listener is not None:
            self.write_listener.on_write_resumed()

    # -- used by client and stream

    @property
    def is_reusable(self) -> bool:
        """True when request and response both ended exactly where they said they would."""
        is_done = self._reader is not None and self._reader.is_complete and not self._pending
        return self._wire.is_open and is_done and self._is_in_step and self._keeps_alive and self.is_request_sent

    @property
    def is_open(self) -> bool:
        """True while the connection may carry another request."""
        return self._wire.is_open and self._is_in_step

    @property
    def bytes_left(self) -> int:
        """What is still to come of the response's body, when its length is known and all before was delivered."""
        return self._reader.remaining if self._reader is not None and self._sink is not None else 0

    def begin(self, head: bytes, method: str, *, has_body: bool, upgrade: bytes = b"") -> None:
        """Send a request head. The body, if any, follows by `write`; `is_request_sent` is set by who sends it.

        `upgrade`: the protocol that the head asks to change into; then no other request follows, whatever comes of it.
        """
        self._method, self._upgrade, self._head = method, upgrade, self._loop.create_future()
        self._reader, self._sink, self._pending, self._interim = None, None, b"", 0
        self._buffer.clear()
        self.is_request_sent = not has_body
        self.resume_reading()  # the last slice of the answer before may have found its client slow
        self.write(head)

    def response(self) -> asyncio.Future[ResponseHead]:
        """The response head, or an UpstreamError. One waits for it: who is cancelled there has to abort."""
        if self._head is None:
            self._head = self._loop.create_future()
            self._fail(broken())
        return self._head

    def time_out(self) -> None:
        """The registry took too long to answer."""
        self._fail(away(504))
        self.abort()

    def deliver_to(self, sink: BodySink) -> None:
        """Give the body to `sink`, from its first byte. What arrived already is given at once."""
        self._sink = sink
        pending, self._pending = self._pending, b""
        if self._reader is None or not self._wire.is_open:
            sink.on_broken(Reason.UPSTREAM_BROKEN)
        elif self._reader.is_complete:
            self._end_body(pending)
        else:
            if pending:
                self._read_body(pending)
            self.resume_reading()

    def skip(self, count: int) -> None:
        """So much of the response's body went past in the kernel."""
        if isinstance(self._reader, CountedBody):
            self._reader.skip(count)
        if self._has_ended():
            self._end_body(b"")

    def close(self) -> None:
        """End in good order, after what is queued; for raw bytes that ended on both sides."""
        self._is_in_step = False
        self._wire.close()

    def abort(self) -> None:
        """Drop the connection with a reset, so that the registry does not take a torn body for a whole one."""
        self._is_in_step = False
        super().abort()

    # -- reading

    def _read_head(self, data: bytes) -> None:
        while self._head is not None and self._reader is None:
            try:
                raw = self._buffer.feed(data)
                head = read_response_head(raw, self._method, self._upgrade) if raw is not None else None
            except FramingError:
                self._give_up()
                return
            if head is None:
                return
            data = b""
            if head.status >= 200 or head.length == UNBOUNDED:
                self._accept_head(head)
                return
            self._interim += 1
            if self._interim > MAX_INTERIM_RESPONSES:
                self._give_up()
                return

    def _accept_head(self, head: ResponseHead) -> None:
        self._reader = make_reader(head.length)
        self._keeps_alive = head.keep_alive and not self._upgrade
        self._pending = self._buffer.take()
        if not isinstance(self._reader, CountedBody) or len(self._pending) < self._reader.remaining:
            self.pause_reading()  # until somebody takes the rest; a small body came along with its head
        if self._head is not None and not self._head.done():
            self._head.set_result(head)

    def _read_body(self, data: bytes) -> None:
        reader, sink = self._reader, self._sink
        if reader is None or self._has_ended():
            self._give_up()
            return
        if sink is None:
            self._pending += data
            self.pause_reading()
            return
        try:
            payload, rest = reader.feed(data)
        except FramingError:
            self._give_up()
            return
        if rest:
            # More than it announced: what was sent may not be what was meant, and the rest is nobody's.
            self._give_up()
            return
        if payload:
            sink.on_data(payload)
        if self._has_ended():
            self._end_body(b"")

    def _has_ended(self) -> bool:
        return self._reader is not None and self._reader.is_complete

    def _end_body(self, rest: bytes) -> None:
        sink, self._sink = self._sink, None
        if rest:
            self._is_in_step = False
        self.resume_reading()
        if sink is not None:
            sink.on_end()

    def _give_up(self) -> None:
        self.abort()
        self._fail(broken())

    def _fail(self, error: UpstreamError) -> None:
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)
            self._head.exception()  # seen here too: nobody may be waiting for it any more
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.on_broken(Reason.UPSTREAM_BROKEN)

"""One connection to a registry: one request at a time, one response read strictly, reused only when in step."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Protocol

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import BodyReader, make_reader
from registry_proxy.protocols.http1 import FramingError, ResponseHead
from registry_proxy.upstream.failure import UpstreamError, away, broken
from registry_proxy.upstream.response_head import HeadBuffer, parse_response_head

MAX_INTERIM_RESPONSES = 8
LINGER_NOT = struct.pack("ii", 1, 0)


class BodySink(Protocol):
    """Takes a response body. Exactly one of `on_end` and `on_broken` is the last call."""

    def on_data(self, data: bytes) -> None:
        """Some payload; never empty."""

    def on_end(self) -> None:
        """The body is complete."""

    def on_broken(self, reason: Reason) -> None:
        """The body will never be complete."""


class WriteListener(Protocol):
    """Told when the registry cannot take more."""

    def on_write_paused(self) -> None:
        """Hold back."""

    def on_write_resumed(self) -> None:
        """Go on."""


class UpstreamConnection(asyncio.Protocol):
    """Raw bytes come and go here; meaning is in `client`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._method = ""
        self._buffer = HeadBuffer()
        self._head: asyncio.Future[ResponseHead] | None = None
        self._reader: BodyReader | None = None
        self._sink: BodySink | None = None
        self._pending = b""
        self._interim = 0
        self._is_in_step = True
        self._keeps_alive = True
        self.write_listener: WriteListener | None = None
        self.is_request_sent = True
        self.idle_since = 0.0

    # -- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, when the connection stands."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport, by create_connection

    def data_received(self, data: bytes) -> None:
        """Called by the loop with at most 256 KiB."""
        if self._head is None:
            self._give_up()  # bytes that nobody asked for: an answer to a request we did not make
        elif self._reader is None:
            self._read_head(data)
        else:
            self._read_body(data)

    def eof_received(self) -> bool:
        """A half-closed registry will not finish anything."""
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called once, when the connection is gone."""
        self._is_in_step = False
        self._transport = None
        # Only a registry that said nothing at all may not have seen the request; such a request may be sent again.
        self._fail(broken() if self._buffer or self._interim else away())

    def pause_writing(self) -> None:
        """Called by the transport when its buffer is full."""
        if self.write_listener is not None:
            self.write_listener.on_write_paused()

    def resume_writing(self) -> None:
        """Called by the transport when its buffer has drained."""
        if self.write_listener is not None:
            self.write_listener.on_write_resumed()

    # -- used by client and stream

    @property
    def is_reusable(self) -> bool:
        """True when request and response both ended exactly where they said they would."""
        is_done = self._reader is not None and self._reader.is_complete and not self._pending
        is_open = self._transport is not None and not self._transport.is_closing()
        return is_open and is_done and self._is_in_step and self._keeps_alive and self.is_request_sent

    @property
    def is_open(self) -> bool:
        """True while the connection may carry another request."""
        return self._transport is not None and not self._transport.is_closing() and self._is_in_step

    def begin(self, head: bytes, method: str, *, has_body: bool) -> None:
        """Send a request head. The body, if any, follows by `write`; `is_request_sent` is set by who sends it."""
        self._method, self._head = method, self._loop.create_future()
        self._reader, self._sink, self._pending, self._interim = None, None, b"", 0
        self._buffer.clear()
        self.is_request_sent = not has_body
        self.resume_reading()  # the last slice of the answer before may have found its client slow
        self.write(head)

    def write(self, data: bytes) -> None:
        """Send bytes; a connection that is gone reports through the response."""
        if self._transport is not None:
            self._transport.write(data)

    async def response(self) -> ResponseHead:
        """The response head. Raises UpstreamError."""
        if self._head is None:
            raise broken()
        return await asyncio.shield(self._head)

    def deliver_to(self, sink: BodySink) -> None:
        """Give the body to `sink`, from its first byte. What arrived already is given at once."""
        self._sink = sink
        pending, self._pending = self._pending, b""
        if self._reader is None or self._transport is None:
            sink.on_broken(Reason.UPSTREAM_BROKEN)
        elif self._reader.is_complete:
            self._end_body(pending)
        else:
            if pending:
                self._read_body(pending)
            self.resume_reading()

    def pause_reading(self) -> None:
        """Let TCP hold the registry back."""
        if self._transport is not None and not self._transport.is_closing() and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        if self._transport is not None and not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def abort(self) -> None:
        """Drop the connection with a reset, so that the registry does not take a torn body for a whole one."""
        self._is_in_step = False
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self._transport.abort()

    # -- reading

    def _read_head(self, data: bytes) -> None:
        while self._head is not None and self._reader is None:
            try:
                raw = self._buffer.feed(data)
                head = parse_response_head(raw, self._method) if raw is not None else None
            except FramingError:
                self._give_up()
                return
            if head is None:
                return
            data = b""
            if head.status >= 200:
                self._accept_head(head)
                return
            self._interim += 1
            if self._interim > MAX_INTERIM_RESPONSES or head.status == 101:
                self._give_up()
                return

    def _accept_head(self, head: ResponseHead) -> None:
        self._reader = make_reader(head.length)
        self._keeps_alive = head.keep_alive
        self._pending = self._buffer.take()
        self.pause_reading()
        if self._head is not None and not self._head.done():
            self._head.set_result(head)

    def _read_body(self, data: bytes) -> None:
        reader, sink = self._reader, self._sink
        if reader is None or self._has_ended():
            self._give_up()
            return
        if sink is None:
            self._pending += data
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

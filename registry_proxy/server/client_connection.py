"""One client's connection: heads one after another, bodies to whoever asked, deadlines, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Protocol

from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from registry_proxy.edge.head import find_head_end, read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.protocols.answers import status_for
from registry_proxy.protocols.bodies import BodyReader, CountedBody, make_reader
from registry_proxy.protocols.http1 import FramingError, RequestHead
from registry_proxy.server.farewell import Farewell
from registry_proxy.server.idling import IdleWatch
from registry_proxy.settings import Limits

SEND_BUFFER_BYTES = 256 * 1024
# What waits while a response runs: the next request of a client that pipelines.
MAX_WAITING_BYTES = 64 * 1024
KEEP_ALIVE_S = 75.0
_FLUSH_LOOK_S = 0.01
_RESET = struct.pack("ii", 1, 0)


class RequestBody(Protocol):
    """Who takes a request's body."""

    def on_data(self, data: bytes) -> None:
        """Some payload; never empty."""

    def on_end(self) -> None:
        """All of it."""

    def on_broken(self, reason: Reason) -> None:
        """It will never be complete."""


class Owner(Protocol):
    """The listener, as a connection sees it."""

    limits: Limits
    edge_limits: EdgeLimits
    is_draining: bool

    def opened(self, connection: ClientConnection) -> Reason | None:
        """Count it in; a reason when there are too many."""

    def closed(self, connection: ClientConnection) -> None:
        """Count it out."""

    def check_rate(self, connection: ClientConnection) -> None:
        """Count one more request. Raises EdgeRefusal when there are too many."""

    def refused(self, connection: ClientConnection, refusal: EdgeRefusal, raw: bytes) -> None:
        """Answer and record what the edge refused."""

    def converse(self, connection: ClientConnection, head: RequestHead) -> Conversing:
        """Begin one exchange."""


class Conversing(Protocol):
    """A running exchange, as its connection sees it."""

    def run(self) -> Coroutine[None, None, None]:
        """Everything, to the end."""

    def on_client_gone(self) -> None:
        """The connection is lost."""

    def on_client_paused(self) -> None:
        """The client takes no more for now."""

    def on_client_resumed(self) -> None:
        """The client caught up."""


class ClientConnection(asyncio.Protocol):
    """Reads strictly one request after another; the next one waits until this one has ended."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._reader: BodyReader = CountedBody(0)
        self._body: RequestBody | None = None
        self._conversation: Conversing | None = None
        self.task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._farewell: Farewell | None = None
        self._flushed = asyncio.Event()
        self._is_out_of_step = False
        self.address = self.network = ""  # who is on the other side, and whom that counts with

    # -- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, by the listener."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport, by create_server
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.network = network_of(self.address)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        reason = self._owner.opened(self)
        if reason is not None:
            self._refuse(EdgeRefusal(status_for(reason), reason))
        else:
            self._set_timer(self._owner.limits.header_deadline_s, self._on_head_deadline)

    def data_received(self, data: bytes) -> None:
        """Called by the loop with at most 256 KiB."""
        if self._farewell is not None:
            self._farewell.throw_away(len(data))
        elif self._body is not None:
            self._feed_body(data)
        else:
            was_idle = not self._buffer
            self._buffer += data
            if self._conversation is None:
                if was_idle:
                    self._set_timer(self._owner.limits.header_deadline_s, self._on_head_deadline)
                self._read_head()
            elif len(self._buffer) > MAX_WAITING_BYTES:
                self.pause_reading()

    def eof_received(self) -> bool:
        """A client may close its half after a whole request; anything else ends here."""
        if self._body is not None:
            body, self._body = self._body, None
            body.on_broken(Reason.CLIENT_WENT_AWAY)
        is_plain = self._transport is not None and self._transport.get_extra_info("sslcontext") is None
        return self._conversation is not None and self._reader.is_complete and is_plain

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called once, when the connection is gone."""
        self._set_timer(0, None)
        if self._farewell is not None:
            self._farewell.stop()
        self._transport = None
        self._flushed.set()  # nobody is left to wait for
        self._owner.closed(self)
        body, self._body = self._body, None
        if body is not None:
            body.on_broken(Reason.CLIENT_WENT_AWAY)
        if self._conversation is not None:
            self._conversation.on_client_gone()

    def pause_writing(self) -> None:
        """Called by the transport when its buffer is full."""
        if self._conversation is not None:
            self._conversation.on_client_paused()

    def resume_writing(self) -> None:
        """Called by the transport when its buffer has drained."""
        if self._conversation is not None:
            self._conversation.on_client_resumed()

    # -- used by the conversation

    @property
    def is_open(self) -> bool:
        """True while something can still be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait in our own buffer."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    @property
    def body_is_read(self) -> bool:
        """True when nothing of the current request is left on the wire."""
        return self._reader.is_complete and not self._is_out_of_step

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if self.is_open and self._transport is not None:
            self._transport.write(data)

    def pause_reading(self) -> None:
        """Let TCP hold the client back."""
        if self._transport is not None and self.is_open and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        if self._transport is not None and self.is_open and not self._transport.is_reading():
            self._transport.resume_reading()

    def abort(self) -> None:
        """Reset: what is queued in the kernel is dropped too (SO_LINGER 0)."""
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):  # the peer was faster
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def take_body(self, body: RequestBody) -> None:
        """Give the current request's body to `body`, from its first byte."""
        if self._reader.is_complete:
            body.on_end()
            return
        self._body = body
        waiting, self._buffer = bytes(self._buffer), bytearray()
        if waiting:
            self._feed_body(waiting)
        if self._body is not None:
            self.resume_reading()

    def when_flushed(self, action: Callable[[], None]) -> None:
        """Call once nothing waits in our own buffer; never when the connection is gone first."""
        if not self.is_open:
            return
        if self.unsent_bytes:
            self._loop.call_later(_FLUSH_LOOK_S, self.when_flushed, action)
        else:
            action()

    def close_after_answer(self) -> None:
        """Let the answer arrive, then close; a body that is still coming is thrown away, within bounds."""
        if self._transport is None or self._farewell is not None:
            return
        self._set_timer(0, None)
        self._body = None
        self._farewell = Farewell(self._transport, self.abort, self._owner.limits)
        if self._transport.is_closing():
            return
        self._farewell.begin(is_all_read=self._reader.is_complete)
        self.resume_reading()
        self._farewell.throw_away(len(self._buffer))

    # -- heads

    def _read_head(self) -> None:
        limits = self._owner.edge_limits
        try:
            end = find_head_end(self._buffer, limits)
            if not end:
                return
            self._owner.check_rate(self)
            head = read_head(bytes(self._buffer[:end]), limits)
        except EdgeRefusal as refusal:
            self._refuse(refusal)
            return
        del self._buffer[:end]
        self._set_timer(0, None)
        self._reader = make_reader(head.length)
        self._conversation = self._owner.converse(self, head)
        self.task = self._loop.create_task(self._converse(self._conversation))

    async def _converse(self, conversation: Conversing) -> None:
        await conversation.run()
        if self.unsent_bytes and self._farewell is None:
            await self._flush()
        self._conversation, self.task = None, None
        if not self.is_open or self._farewell is not None:
            return
        if self._owner.is_draining or not self.body_is_read:
            self.close_after_answer()
            return
        self._set_timer(KEEP_ALIVE_S, self._on_idle)
        self.resume_reading()
        if self._buffer:
            self._set_timer(self._owner.limits.header_deadline_s, self._on_head_deadline)
            self._read_head()

    async def _flush(self) -> None:
        """A client that pipelines and reads nothing must not fill our memory, nor keep its place for ever."""
        idle = IdleWatch(self._owner.limits, lambda: -self.unsent_bytes, self.abort)
        self._flushed.clear()
        self.when_flushed(self._flushed.set)
        await self._flushed.wait()
        idle.stop()

    def _refuse(self, refusal: EdgeRefusal) -> None:
        self._set_timer(0, None)
        raw = bytes(self._buffer[: self._owner.edge_limits.head_bytes])
        self._buffer.clear()
        self._owner.refused(self, refusal, raw)
        self.close_after_answer()

    # -- bodies

    def _feed_body(self, data: bytes) -> None:
        body = self._body
        if body is None:
            return
        try:
            payload, rest = self._reader.feed(data)
        except FramingError:
            self._body = None
            self._is_out_of_step = True
            body.on_broken(Reason.MALFORMED_REQUEST)
            return
        if payload:
            body.on_data(payload)
        if self._reader.is_complete:
            self._body = None
            self._buffer += rest
            body.on_end()

    # -- time

    def _set_timer(self, delay_s: float, action: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, action) if action is not None else None

    def _on_head_deadline(self) -> None:
        if self._buffer:
            self._refuse(EdgeRefusal(408, Reason.REQUEST_TOO_SLOW))
        elif self._transport is not None:
            self._transport.close()

    def _on_idle(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def close_if_idle(self) -> None:
        """For the drain: a connection between two requests has nothing to lose."""
        if self._conversation is None and self._farewell is None and self._transport is not None:
            self._transport.close()

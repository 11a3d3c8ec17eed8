"""One client's connection: heads one after another, the body of each to whoever asked, and how it ends.

Its parts: `incoming` reads the body, `stream.wire` writes and resets, `stream.deadline` keeps time, `farewell` says
goodbye.
"""

from __future__ import annotations

import asyncio

from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from registry_proxy.edge.head import find_head_end
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.protocols.answers import status_for
from registry_proxy.protocols.http1 import UNBOUNDED
from registry_proxy.server.farewell import Farewell
from registry_proxy.server.idling import IdleWatch
from registry_proxy.server.incoming import IncomingBody
from registry_proxy.server.roles import Conversing, Owner
from registry_proxy.stream.deadline import Deadline
from registry_proxy.stream.sides import BodySink
from registry_proxy.stream.wired import Wired

# What waits while a response runs: the next request of a client that pipelines.
MAX_WAITING_BYTES = 64 * 1024
KEEP_ALIVE_S = 75.0


class ClientConnection(Wired, asyncio.Protocol):
    """Reads strictly one request after another; the next one waits until this one has ended."""

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._seen = 0  # so much of it holds no end of a head
        self._incoming = IncomingBody()
        self._conversation: Conversing | None = None
        self.task: asyncio.Task[None] | None = None
        self._deadline = Deadline()
        self._farewell: Farewell | None = None
        self._let_go: asyncio.Future[None] | None = None
        self.address = self.network = ""  # who is on the other side, and whom that counts with
        self.is_counted = False
        self.has_begun = False
        self._is_new = True

    # -- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, by the listener."""
        self.has_begun = True
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.network = network_of(self.address)
        self._wire.attach(transport)
        reason = self._owner.opened(self)
        if reason is not None:
            self._refuse(EdgeRefusal(status_for(reason), reason))
        else:
            self._deadline.set(self._owner.limits.header_deadline_s, self._on_head_deadline)

    def data_received(self, data: bytes) -> None:
        """Called by the loop with at most 256 KiB."""
        if self._farewell is not None:
            self._farewell.throw_away(len(data))
        elif self._incoming.is_taken:
            self._buffer += self._incoming.feed(data)
        else:
            self._buffer += data
            if self._conversation is None:
                self._read_head()
            elif len(self._buffer) > MAX_WAITING_BYTES:
                self.pause_reading()

    def eof_received(self) -> bool:
        """A client may close its half after a whole request; anything else ends here."""
        self._incoming.end_half()
        return self._conversation is not None and self._incoming.is_complete and self._wire.is_plain

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called once, when the connection is gone."""
        self._deadline.stop()
        if self._farewell is not None:
            self._farewell.stop()
        self._wire.detach()
        self._let_flush_end()  # nobody is left to wait for
        self._owner.closed(self)
        self._incoming.break_off(Reason.CLIENT_WENT_AWAY)
        if self._conversation is not None:
            self._conversation.on_client_gone()

    def pause_writing(self) -> None:
        """Called by the transport when something waits in its buffer."""
        if self._conversation is not None:
            self._conversation.on_client_paused()

    def resume_writing(self) -> None:
        """Called by the transport when its buffer has drained."""
        self._wire.flushed()
        if self._conversation is not None:
            self._conversation.on_client_resumed()

    # -- used by the conversation and its streams

    @property
    def is_open(self) -> bool:
        """True while something can still be written."""
        return self._wire.is_open

    @property
    def body_is_read(self) -> bool:
        """True when nothing of the current request is left on the wire."""
        return self._incoming.is_read

    @property
    def bytes_left(self) -> int:
        """What is still to come of the current request's body, when its length is known."""
        return self._incoming.bytes_left

    def deliver_to(self, sink: BodySink) -> None:
        """Give the current request's body to `sink`, from its first byte."""
        self._incoming.give_to(sink)
        if not self._incoming.is_taken:
            return
        waiting, self._buffer = bytes(self._buffer), bytearray()
        if waiting:
            self._buffer += self._incoming.feed(waiting)
        if self._incoming.is_taken:
            self.resume_reading()

    def expect_raw(self) -> None:
        """From here on there are no requests any more: whatever comes is given to whoever takes the body."""
        self._incoming.expect(UNBOUNDED)

    def skip(self, count: int) -> None:
        """So much of the current request's body went past in the kernel."""
        self._incoming.skip(count)
        self.resume_reading()

    def close_after_answer(self) -> None:
        """Let the answer arrive, then close; a body that is still coming is thrown away, within bounds."""
        transport = self._wire.transport
        if transport is None or self._farewell is not None:
            return
        self._wire.recall()
        self._deadline.clear()
        self._incoming.drop()
        self._farewell = Farewell(transport, self.abort, self._owner.limits)
        if not self.is_open:
            return
        self._farewell.begin(is_all_read=self._incoming.is_complete)
        self.resume_reading()
        self._farewell.throw_away(len(self._buffer))

    @property
    def is_last(self) -> bool:
        """True when the answer has to say that no other request is taken here."""
        return self._owner.is_draining

    def close_if_idle(self, *, spares_new: bool = False) -> None:
        """For the drain: a connection between two requests has nothing to lose, one before its first may have."""
        if self._buffer or (self._is_new and spares_new):
            return
        if self._conversation is None and self._farewell is None:
            self._close()

    # -- heads

    def _read_head(self) -> None:
        limits = self._owner.edge_limits
        try:
            end = find_head_end(self._buffer, limits, self._seen)
            if not end:
                self._wait_for_rest()
                return
            self._owner.check_rate(self)
            head = self._owner.heads.read(bytes(self._buffer[:end]))
        except EdgeRefusal as refusal:
            self._refuse(refusal)
            return
        del self._buffer[:end]
        self._seen, self._is_new = 0, False
        self._deadline.clear()
        self._incoming.expect(head.length)
        self._conversation = self._owner.converse(self, head)
        self.task = self._loop.create_task(self._converse(self._conversation))

    def _wait_for_rest(self) -> None:
        if not self._seen:
            self._deadline.set(self._owner.limits.header_deadline_s, self._on_head_deadline)
        self._seen = len(self._buffer)

    async def _converse(self, conversation: Conversing) -> None:
        await conversation.run()
        if self.unsent_bytes and self._farewell is None:
            await self._flush()
        self._conversation, self.task = None, None
        if not self.is_open or self._farewell is not None:
            return
        if not self.body_is_read:
            self.close_after_answer()
            return
        self.resume_reading()
        if self._buffer:
            self._read_head()
        else:
            self._deadline.set(KEEP_ALIVE_S, self._close)

    async def _flush(self) -> None:
        """A client that pipelines and reads nothing must not fill our memory, nor keep its place for ever."""
        idle = IdleWatch(self._owner.limits, lambda: -self.unsent_bytes, self.abort)
        self._let_go = self._loop.create_future()
        self.when_flushed(self._let_flush_end)
        await self._let_go
        idle.stop()

    def _let_flush_end(self) -> None:
        if self._let_go is not None and not self._let_go.done():
            self._let_go.set_result(None)

    def _refuse(self, refusal: EdgeRefusal) -> None:
        self._deadline.clear()
        raw = bytes(self._buffer[: self._owner.edge_limits.head_bytes])
        self._buffer.clear()
        self._owner.refused(self, refusal, raw)
        self.close_after_answer()

    # -- time

    def _on_head_deadline(self) -> None:
        if self._buffer:
            self._refuse(EdgeRefusal(408, Reason.REQUEST_TOO_SLOW))
        else:
            self._close()

    def _close(self) -> None:
        if self._wire.transport is not None:
            self._wire.transport.close()

"""A body on its way from the registry to the client."""

from __future__ import annotations

import asyncio
import hashlib

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import LAST_CHUNK, frame_chunk
from registry_proxy.stream.choosing import goes_by_kernel
from registry_proxy.stream.pipes import PipePool
from registry_proxy.stream.pump import Fault, Pump
from registry_proxy.stream.sides import Guard, ReceivingSide, Source

_FAULT = Fault(source=Reason.UPSTREAM_BROKEN, sink=Reason.CLIENT_WENT_AWAY, may_follow=False)


class Download:
    """Relays slices of at most one read (256 KiB) each, or has a pump move them.

    Ends once, with `done` holding why it broke, or None.
    """

    def __init__(
        self,
        client: ReceivingSide,
        upstream: Source,
        guard: Guard,
        pipes: PipePool,
        *,
        is_chunked: bool,
        digest: str = "",
    ) -> None:
        self._client, self._upstream, self._guard, self._pipes = client, upstream, guard, pipes
        self._is_chunked = is_chunked
        self._digest = digest
        self._hash = hashlib.new(digest.partition(":")[0]) if digest else None
        self._held = b""
        self._first: list[bytes] | None = None  # what is said together with the head
        self._has_ended = False
        self._pump: Pump | None = None
        self._relayed = 0
        self.done: asyncio.Future[Reason | None] = asyncio.get_running_loop().create_future()

    @property
    def moved(self) -> int:
        """Payload bytes given to the client's connection."""
        return self._relayed + (self._pump.moved if self._pump is not None else 0)

    @property
    def is_held_back(self) -> bool:
        """True while it is the client that has to move next."""
        return self._client.unsent_bytes > 0 or (self._pump is not None and self._pump.is_held_back)

    def begin(self, head: bytes) -> None:
        """Send the head, and with it in one write whatever came of the body; then the rest, as it comes."""
        self._first = [head]
        self._upstream.deliver_to(self)
        first, self._first = b"".join(self._first), None
        if self.done.done():
            return
        self._client.write(first)
        if self._has_ended:
            self._client.when_flushed(self._complete)
        elif goes_by_kernel(self._upstream, self._client, is_looked_at=self._hash is not None):
            self._upstream.pause_reading()
            self._client.when_flushed(self._start_pump)

    def on_data(self, data: bytes) -> None:
        """One slice from the registry."""
        if self.done.done():
            return
        reason = self._guard()
        if reason is not None:
            self.cut(reason)
        elif self._hash is None:
            self._send(data)
        else:
            # The newest slice stays here until the next one came: the last one is sent only when all of it was right.
            self._hash.update(data)
            held, self._held = self._held, data
            if held:
                self._send(held)

    def on_end(self) -> None:
        """The registry sent everything it announced."""
        if self.done.done():
            return
        if self._hash is not None:
            if self._hash.hexdigest() != self._digest.partition(":")[2]:
                self.cut(Reason.DIGEST_MISMATCH)
                return
            held, self._held = self._held, b""
            if held:
                self._send(held)
        if self._is_chunked:
            self._write(LAST_CHUNK)
        self._has_ended = True
        if self._first is None:
            # What waits for a slow client can still be cut, and still counts as a stream that has to move.
            self._client.when_flushed(self._complete)

    def on_broken(self, reason: Reason) -> None:
        """The registry will not finish. The client must not take a part for the whole."""
        self.cut(reason)

    def cut(self, reason: Reason) -> None:
        """End both sides now. What is queued for the client is dropped."""
        if self.done.done():
            return
        self._held = b""
        self.done.set_result(reason)
        self._client.abort()
        self._upstream.abort()

    def on_client_paused(self) -> None:
        """The client is slower: let TCP hold the registry back."""
        self._upstream.pause_reading()

    def on_client_resumed(self) -> None:
        """The client caught up."""
        if not self.done.done() and self._pump is None:
            self._upstream.resume_reading()

    def _start_pump(self) -> None:
        if self.done.done():
            return
        pump = Pump(self._pipes, self._guard, _FAULT, self._on_pumped)
        if pump.start(self._upstream, self._client):
            self._pump = pump
        else:
            self._upstream.resume_reading()

    def _on_pumped(self, reason: Reason | None) -> None:
        if reason is not None:
            self.cut(reason)
        elif self._pump is not None:
            self._upstream.skip(self._pump.moved)

    def _complete(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self, data: bytes) -> None:
        self._relayed += len(data)
        self._write(frame_chunk(data) if self._is_chunked else data)

    def _write(self, data: bytes) -> None:
        if self._first is not None:
            self._first.append(data)
        else:
            self._client.write(data)

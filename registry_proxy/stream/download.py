"""A body on its way from the registry to the client."""

from __future__ import annotations

import asyncio
import hashlib

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import LAST_CHUNK, frame_chunk
from registry_proxy.stream.sides import Guard, ReceivingSide, Side


class Download:
    """Relays slices of at most one read (256 KiB) each. Ends once, with `done` holding why it broke, or None."""

    def __init__(
        self, client: ReceivingSide, upstream: Side, guard: Guard, *, is_chunked: bool, digest: str = ""
    ) -> None:
        self._client, self._upstream, self._guard = client, upstream, guard
        self._is_chunked = is_chunked
        self._digest = digest
        self._hash = hashlib.new(digest.partition(":")[0]) if digest else None
        self._held = b""
        self.moved = 0
        self.done: asyncio.Future[Reason | None] = asyncio.get_running_loop().create_future()

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
            self._client.write(LAST_CHUNK)
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
        if not self.done.done():
            self._upstream.resume_reading()

    def _complete(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self, data: bytes) -> None:
        self.moved += len(data)
        self._client.write(frame_chunk(data) if self._is_chunked else data)

"""A body on its way from the client to the registry."""

from __future__ import annotations

import asyncio

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import LAST_CHUNK, frame_chunk
from registry_proxy.stream.sides import Guard, SendingSide, Side


class Upload:
    """Ends once: `sent` is done when nothing more will be sent; `broken` says why, if it was not all."""

    def __init__(
        self, client: Side, upstream: SendingSide, guard: Guard, *, is_chunked: bool, limit: int | None = None
    ) -> None:
        self._client, self._upstream, self._guard = client, upstream, guard
        self._is_chunked, self._limit = is_chunked, limit
        self.moved = 0
        self.is_held_back = False
        self.broken: Reason | None = None
        self.sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_data(self, data: bytes) -> None:
        """One slice from the client."""
        if self.sent.done():
            return
        reason = self._guard()
        if reason is None and self._limit is not None and self.moved + len(data) > self._limit:
            reason = Reason.REQUEST_TOO_LARGE
        if reason is not None:
            self.cut(reason)
            return
        self.moved += len(data)
        self._upstream.write(frame_chunk(data) if self._is_chunked else data)

    def on_end(self) -> None:
        """The client sent everything it announced."""
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
        """The registry answered early: it wants no more of this body."""
        if not self.sent.done():
            self.sent.set_result(None)

    def on_write_paused(self) -> None:
        """The registry is slower: let TCP hold the client back."""
        self.is_held_back = True
        self._client.pause_reading()

    def on_write_resumed(self) -> None:
        """The registry caught up."""
        self.is_held_back = False
        if not self.sent.done():
            self._client.resume_reading()

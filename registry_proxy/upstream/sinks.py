"""Two ends for a response body: one that collects it up to a limit, and one that throws it away."""

from __future__ import annotations

import asyncio

from jit_access.domain.reasons import Reason
from registry_proxy.upstream.failure import UpstreamError, broken


class CollectingSink:
    """Collects a small body. Over the limit the registry is not listened to any further."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._body = bytearray()
        self._done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_data(self, data: bytes) -> None:
        """Some payload."""
        self._body += data
        if len(self._body) > self._limit:
            self._fail(broken())

    def on_end(self) -> None:
        """All of it."""
        if not self._done.done():
            self._done.set_result(bytes(self._body))

    def on_broken(self, reason: Reason) -> None:
        """It will not be complete."""
        self._fail(UpstreamError(reason))

    def cut(self, error: UpstreamError) -> None:
        """Stop waiting."""
        self._fail(error)

    async def body(self) -> bytes:
        """The whole body. Raises UpstreamError."""
        return await self._done

    def _fail(self, error: UpstreamError) -> None:
        if not self._done.done():
            self._done.set_exception(error)
            self._done.exception()  # seen here too: nobody may be waiting for it any more

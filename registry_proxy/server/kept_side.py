"""A kept body in the place of a registry's answer, and a registry's answer on its way to be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from registry_proxy.blob_cache import BlobCache, Found, Sending, Tap
from registry_proxy.blob_cache.store import BlobKey
from registry_proxy.control_client import TargetFacts
from registry_proxy.protocols.headers import forwarded_response
from registry_proxy.protocols.http1 import CHUNKED
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Classified
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.server.responding import render_kept_head
from registry_proxy.stream.sides import Guard
from registry_proxy.upstream.calls import Leg
from registry_proxy.upstream.client import UpstreamClient
from registry_proxy.upstream.connection import UpstreamConnection
from registry_proxy.upstream.failure import UpstreamError


@dataclass(frozen=True, slots=True)
class Written:
    """A whole answer that is small enough for one write; `size` of it is body."""

    data: bytes
    size: int


class KeptSide:
    """Of one exchange. What was found is let go of in every case by `drop`."""

    def __init__(self, cache: BlobCache, target: TargetFacts, classified: Classified) -> None:
        self._cache = cache
        self._key = BlobKey.of(target.slug, target.base_url, classified.repository, classified.digest)
        self._found: Found | None = None
        self._tap: Tap | None = None

    async def find(
        self, upstream: UpstreamClient, target: TargetFacts, request: UpstreamRequest,
        on_connection: Callable[[UpstreamConnection], None],
    ) -> bool:  # fmt: skip
        """Whether a body is here that this repository is known to hold. Where only that is in doubt, the registry is
        asked by a HEAD: bytes from another repository prove nothing about this one.
        """
        self._found = self._cache.find(self._key)
        size = self._cache.unproved_size(self._key) if self._found is None else None
        if size is not None and await self._is_held(upstream, target, request, size, on_connection):
            self._found = self._cache.find(self._key)
        self._cache.requests["miss" if self._found is None else "hit"] += 1
        return self._found is not None

    async def _is_held(
        self, upstream: UpstreamClient, target: TargetFacts, request: UpstreamRequest, size: int,
        on_connection: Callable[[UpstreamConnection], None],
    ) -> bool:  # fmt: skip
        try:
            head, _ = await upstream.fetch(target, replace(request, method="HEAD"), 0, on_connection)
        except UpstreamError:
            return False  # the GET that follows says what is wrong
        if head.status != 200 or head.get(b"content-length") != b"%d" % size:
            return False
        self._cache.prove(self._key, size, forwarded_response(head))
        return True

    def send(self, client: ClientConnection, guard: Guard, request_id: str, *, closes: bool) -> Written | Sending:
        """What is to be written at once, or what sends it in slices and takes the head first."""
        found, self._found = self._found, None
        if found is None:
            raise RuntimeError("nothing was found")
        head = render_kept_head(found.headers, found.size, request_id, closes=closes)
        if found.body is not None:
            return Written(head + found.body, found.size)
        sending = Sending(client, guard, found.fd, found.size)
        sending.begin(head)
        return sending

    def tap(self, leg: Leg) -> Tap | None:
        """The registry's connection with a fill beside it, where the answer can be kept."""
        if leg.head.status != 200 or leg.head.length == CHUNKED:
            return None
        fill = self._cache.begin_fill(self._key, leg.head.length, forwarded_response(leg.head))
        self._tap = Tap(leg.connection, fill) if fill is not None else None
        return self._tap

    def forget(self) -> None:
        """The digest is about to be deleted from this repository."""
        self._cache.forget(self._key)

    def drop(self) -> None:
        """The exchange is over."""
        if self._found is not None:
            self._found.close()
            self._found = None
        if self._tap is not None:
            self._tap.end()

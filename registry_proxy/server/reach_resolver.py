"""Reads from the registry what a restricted scope's tags and digests lead to.

It goes through the same client as every request, after the record of the request that needs it is durable.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from jit_access.domain.scopes import ResourceScope
from registry_proxy.control_client import TargetFacts
from registry_proxy.exchange.reach import ReachKey, ReachStore
from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.manifests import (
    ACCEPT_MANIFESTS,
    MAX_MANIFEST_BYTES,
    children_of,
    digest_of,
    tag_names,
)
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Admission, Wanted
from registry_proxy.upstream.client import UpstreamClient
from registry_proxy.upstream.connection import UpstreamConnection

# Enough for an index over many platforms under each tag; past it the rest counts as out of reach.
MAX_FETCHES = 256
_GLOB = frozenset("*?[")


class ReachResolver:
    """One resolution for one question."""

    def __init__(
        self, upstream: UpstreamClient, store: ReachStore, target: TargetFacts,
        on_connection: Callable[[UpstreamConnection], None],
    ) -> None:  # fmt: skip
        self._upstream, self._store, self._target = upstream, store, target
        self._on_connection = on_connection

    async def resolve(self, admission: Admission, wanted: Wanted, like: UpstreamRequest) -> bool:
        """True when the wanted digest hangs on the scope. Raises UpstreamError."""
        view = admission.view
        resource = view.scope.find(wanted.repository)
        if resource is None:
            return False
        key: ReachKey = (view.grant_id, view.target, resource)
        if self._store.may_resolve(key, time.monotonic()):
            await self._walk(key, resource, like)
        return self._store.knows(key, wanted.reference, time.monotonic())

    async def _walk(self, key: ReachKey, resource: ResourceScope, like: UpstreamRequest) -> None:
        """Breadth first from the named references; what was found counts at once."""
        waiting = deque([*resource.digests, *await self._tags(resource, like)])
        seen: set[str] = set()
        while waiting and len(seen) < MAX_FETCHES:
            reference = waiting.popleft()
            if reference in seen:
                continue
            seen.add(reference)
            body = await self._get(f"/v2/{resource.repository}/manifests/{reference}", like)
            if body is None or (":" in reference and digest_of(body, reference) != reference):
                continue
            manifests, blobs = children_of(body)
            self._store.remember(key, (digest_of(body), *manifests, *blobs), time.monotonic())
            waiting.extend(manifests)

    async def _tags(self, resource: ResourceScope, like: UpstreamRequest) -> list[str]:
        exact = [tag for tag in resource.tags if not _GLOB & set(tag)]
        if len(exact) == len(resource.tags):
            return exact
        body = await self._get(f"/v2/{resource.repository}/tags/list", like)
        return exact + [tag for tag in tag_names(body or b"") if tag not in exact and resource.covers_tag(tag)]

    async def _get(self, path: str, like: UpstreamRequest) -> bytes | None:
        accept: Headers = ((b"accept", ACCEPT_MANIFESTS if "/manifests/" in path else b"application/json"),)
        request = UpstreamRequest(
            "GET", path.encode("ascii"), accept, 0, like.scopes, True, like.origin, like.request_id
        )  # fmt: skip
        head, body = await self._upstream.fetch(self._target, request, MAX_MANIFEST_BYTES, self._on_connection)
        return body if head.status == 200 else None

"""Reads from the registry what a restricted scope's tags and digests lead to, breadth first.

Its requests go the way of every other, after the record of the request that needs them is durable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator

from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.dialect import Fetch, Fetched
from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.oci.manifests import (
    ACCEPT_MANIFESTS,
    MAX_MANIFEST_BYTES,
    children_of,
    digest_of,
    tag_names,
)
from registry_proxy.protocols.oci.reach import ReachKey, ReachStore
from registry_proxy.protocols.upstream_request import UpstreamRequest

# Enough for an index over many platforms under each tag; past it the rest counts as out of reach.
MAX_FETCHES = 256
_GLOB = frozenset("*?[")


def reach_key(asked: Asked, resource: ResourceScope) -> ReachKey:
    """Under which the reach of a scope is remembered."""
    view = asked.admitted().view
    return (view.grant_id, view.target, resource)


def walk(
    asked: Asked, resource: ResourceScope, store: ReachStore, monotonic: Callable[[], float]
) -> Generator[Fetch, Fetched, None]:
    """From the named references on; what was found counts at once."""
    waiting = deque([*resource.digests, *(yield from _tags(resource, asked.facts))])
    key = reach_key(asked, resource)
    seen: set[str] = set()
    while waiting and len(seen) < MAX_FETCHES:
        reference = waiting.popleft()
        if reference in seen:
            continue
        seen.add(reference)
        body = yield from _get(resource.repository, f"manifests/{reference}", asked.facts)
        if body is None or (":" in reference and digest_of(body, reference) != reference):
            continue
        manifests, blobs = children_of(body)
        store.remember(key, (digest_of(body), *manifests, *blobs), monotonic())
        waiting.extend(manifests)


def _tags(resource: ResourceScope, facts: ExchangeFacts) -> Generator[Fetch, Fetched, list[str]]:
    exact = [tag for tag in resource.tags if not _GLOB & set(tag)]
    if len(exact) == len(resource.tags):
        return exact
    body = yield from _get(resource.repository, "tags/list", facts)
    return exact + [tag for tag in tag_names(body or b"") if tag not in exact and resource.covers_tag(tag)]


def _get(repository: str, tail: str, facts: ExchangeFacts) -> Generator[Fetch, Fetched, bytes | None]:
    accept: Headers = ((b"accept", ACCEPT_MANIFESTS if tail.startswith("manifests/") else b"application/json"),)
    request = UpstreamRequest(
        "GET", f"/v2/{repository}/{tail}".encode("ascii"), accept, 0, (f"repository:{repository}:pull",),
        follows_redirects=True, origin=facts.origin, request_id=facts.exchange_id, traceparent=facts.traceparent,
    )  # fmt: skip
    fetched = yield Fetch(request, MAX_MANIFEST_BYTES)
    return fetched.body if fetched.head.status == 200 else None

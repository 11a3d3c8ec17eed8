"""The connector for OCI registries.

Registries have no rights per person that we could set: the proxy injects the gateway's own credential, so there is
nothing to create or remove per grant, and both calls say so.
"""

from __future__ import annotations

import re
from typing import Any

from jit_access.connectors.base import (
    AlreadyGone,
    Endpoint,
    Listing,
    RepositoryDescription,
)
from jit_access.connectors.links import path_on
from jit_access.connectors.oci.session import RegistrySession
from jit_access.connectors.wire import Reply, Wire
from jit_access.connectors.without_rights import WithoutRights
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import DIGEST, MAX_NAME_CHARS, NAME, TAG

CONVERSATION_S = 60.0
PAGE_SIZE = 500
MAX_PAGES = 100
MAX_REPOSITORIES = 10_000
MAX_CHILD_MANIFESTS = 16
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
_NEXT = re.compile(r'\s*<([^<>]{1,2000})>\s*;\s*rel="?next"?\s*', re.IGNORECASE)


def is_usable(name: str) -> bool:
    """True for a name that a repository of this kind may have here."""
    return len(name) <= MAX_NAME_CHARS and bool(NAME.fullmatch(name))


class OCIConnector(WithoutRights):
    """One registry, reached with the gateway's own credential."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._wire = Wire(endpoint, lasts_at_most_s=CONVERSATION_S)
        self._session = RegistrySession(self._wire)

    def close(self) -> None:
        self._wire.close()

    def check(self) -> None:
        """Ask for `/v2/`, the one address that every registry answers to whoever has a right credential."""
        reply = self._session.get("/v2/")
        if reply.status != 200:
            self._wire.refuse(Reason.UPSTREAM_BROKEN, f"is no OCI registry: it answers {reply.status} at /v2/")

    def list_repositories(self) -> Listing:
        """Walk the catalogue, page by page, within bounds: pages, names, and time by the wire's deadline."""
        names: dict[str, None] = {}
        unusable = 0
        path: str | None = f"/v2/_catalog?n={PAGE_SIZE}"
        pages = 0
        while path is not None and pages < MAX_PAGES and len(names) <= MAX_REPOSITORIES:
            pages += 1
            reply = self._session.get(path, scope="registry:catalog:*")
            if reply.status != 200:
                self._wire.refuse(Reason.UPSTREAM_BROKEN, f"does not list its repositories: it answers {reply.status}")
            listed = self._strings(self._session.read_json(reply), "repositories")
            usable = [name for name in listed if is_usable(name)]
            unusable += len(listed) - len(usable)
            before = len(names)
            names.update(dict.fromkeys(usable))
            path = self._next_page(reply)
            if path is not None and len(names) == before:
                self._wire.refuse(Reason.UPSTREAM_BROKEN, "lists the same repositories again and again")
        is_complete = path is None and len(names) <= MAX_REPOSITORIES
        return Listing(tuple(names)[:MAX_REPOSITORIES], is_complete, unusable)

    def describe_repository(self, name: str) -> RepositoryDescription:
        """The most likely tag and the size of what it names."""
        scope = f"repository:{name}:pull"
        reply = self._found(self._session.get(f"/v2/{name}/tags/list?n={PAGE_SIZE}", scope=scope), name)
        body = self._session.read_json(reply)
        listed = [] if body.get("tags") is None else self._strings(body, "tags")  # null: no tag is left
        tags = [tag for tag in listed if TAG.fullmatch(tag)]
        if not tags:
            return RepositoryDescription("", None)
        tag = "latest" if "latest" in tags else max(tags, key=_natural)
        return RepositoryDescription(tag, self._size_of(name, tag, scope))

    def _size_of(self, name: str, reference: str, scope: str) -> int | None:
        body = self._manifest(name, reference, scope)
        children = body.get("manifests")
        if not isinstance(children, list):
            return _blob_bytes(body)
        digests = [child.get("digest") for child in children if isinstance(child, dict)]
        if len(digests) > MAX_CHILD_MANIFESTS:
            return None
        sizes = [
            _blob_bytes(self._manifest(name, digest, scope))
            for digest in digests
            if isinstance(digest, str) and DIGEST.fullmatch(digest)
        ]
        return sum(size for size in sizes if size is not None) if sizes and None not in sizes else None

    def _manifest(self, name: str, reference: str, scope: str) -> dict[str, Any]:
        reply = self._session.get(f"/v2/{name}/manifests/{reference}", scope=scope, accept=_MANIFESTS)
        return self._session.read_json(self._found(reply, name))

    def _found(self, reply: Reply, name: str) -> Reply:
        if reply.status == 404:
            slug = self._wire.endpoint.slug
            raise AlreadyGone(Reason.NOT_FOUND, f"{slug} no longer has {name}.", target=slug)
        if reply.status != 200:
            self._wire.refuse(Reason.UPSTREAM_BROKEN, f"answers {reply.status} where a repository was asked for")
        return reply

    def _next_page(self, reply: Reply) -> str | None:
        link = reply.headers.get("link")
        if not link:
            return None
        match = _NEXT.fullmatch(link)
        path = path_on(self._wire.endpoint.base_url, match[1]) if match else None
        if path is None or path.partition("?")[0] != "/v2/_catalog":
            self._wire.refuse(Reason.UPSTREAM_REDIRECT_REFUSED, "continues its list of repositories elsewhere")
        return path

    def _strings(self, body: dict[str, Any], key: str) -> list[str]:
        values = body.get(key)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            self._wire.refuse(Reason.UPSTREAM_BROKEN, f"answers without a list of {key}")
        return values


def _blob_bytes(manifest: dict[str, Any]) -> int | None:
    """Bytes of all blobs a manifest names, or None when it does not say so in whole, believable numbers."""
    layers = manifest.get("layers")
    parts = [manifest.get("config"), *layers] if isinstance(layers, list) else []
    sizes = [part.get("size") if isinstance(part, dict) else None for part in parts]
    known = [size for size in sizes if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**50]
    return sum(known) if known and len(known) == len(sizes) else None


def _natural(tag: str) -> tuple[tuple[int, str], ...]:
    """A key by which v10 follows v9."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"[0-9]{1,18}|[^0-9]+", tag))

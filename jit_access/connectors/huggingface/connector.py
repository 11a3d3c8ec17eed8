"""The connector for Hugging Face hubs.

A hub has tokens per person, but none that we could make for one grant: the proxy injects the gateway's own, so there is
nothing to create or remove per grant, and both calls say so. A public hub holds millions of repositories; listed are
those of the account behind the token and of its organisations, which are the ones that need a gateway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import quote

from jit_access.connectors.base import (
    AlreadyGone,
    Endpoint,
    Listing,
    RepositoryDescription,
)
from jit_access.connectors.links import path_on
from jit_access.connectors.wire import Reply, Wire
from jit_access.connectors.without_rights import WithoutRights
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import HUB_NAME, MAX_NAME_CHARS

CONVERSATION_S = 60.0
PAGE_SIZE = 500
MAX_PAGES = 60
MAX_REPOSITORIES = 10_000
MAX_OWNERS = 20
LARGEST_BYTES = 2**53
KINDS = ("models", "datasets", "spaces")
DEFAULT_REVISION = "main"
_OWNER = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
_NEXT = re.compile(r'\s*<([^<>]{1,2000})>\s*;\s*rel="?next"?\s*', re.IGNORECASE)


def is_usable(name: str) -> bool:
    """True for a name that a repository of this kind may have here."""
    return len(name) <= MAX_NAME_CHARS and bool(HUB_NAME.fullmatch(name))


class HuggingFaceConnector(WithoutRights):
    """One hub, reached with the gateway's own token. `password` is the token; a hub knows no user name."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._wire = Wire(endpoint, lasts_at_most_s=CONVERSATION_S)

    def close(self) -> None:
        self._wire.close()

    def check(self) -> None:
        """Ask whose token it is; without one, whether the hub lists anything at all."""
        if self._wire.endpoint.password:
            self._owners()
        else:
            self._list(self._get("/api/models?limit=1"))

    def list_repositories(self) -> Listing:
        """What belongs to the account of the token and to its organisations, within bounds."""
        if not self._wire.endpoint.password:
            return Listing((), is_complete=False)
        listed = list(self._listed())
        names = [name for name in listed if is_usable(name)]
        usable = tuple(dict.fromkeys(names))
        is_complete = len(listed) < MAX_REPOSITORIES and self._is_whole
        return Listing(usable[:MAX_REPOSITORIES], is_complete, len(listed) - len(names))

    def describe_repository(self, name: str) -> RepositoryDescription:
        """Hubs have one revision that everybody means, and say how much a repository holds."""
        reply = self._get(f"/api/{name}")
        if reply.status == 404:
            slug = self._wire.endpoint.slug
            raise AlreadyGone(Reason.NOT_FOUND, f"{slug} no longer has {name}.", target=slug)
        size = self._object(reply).get("usedStorage")
        is_size = isinstance(size, int) and not isinstance(size, bool) and 0 < size < LARGEST_BYTES
        return RepositoryDescription(DEFAULT_REVISION, size if is_size else None)

    # -- lists

    def _listed(self) -> Iterator[str]:
        self._is_whole = True
        count = pages = 0
        for owner in self._owners():
            for kind in KINDS:
                path: str | None = f"/api/{kind}?author={quote(owner)}&limit={PAGE_SIZE}"
                while path is not None:
                    if pages == MAX_PAGES or count >= MAX_REPOSITORIES:
                        self._is_whole = False
                        return
                    pages += 1
                    reply = self._get(path)
                    items = self._list(reply)
                    count += len(items)
                    yield from (f"{kind}/{item.get('id')}" for item in items if isinstance(item, dict))
                    path = self._next_page(reply, f"/api/{kind}") if items else None

    def _owners(self) -> list[str]:
        """Names for which the hub is asked. What they contain decides where that question goes, so they are plain."""
        body = self._object(self._get("/api/whoami-v2"))
        orgs = body.get("orgs")
        named = [body, *(orgs if isinstance(orgs, list) else [])]
        owners = [item.get("name") for item in named if isinstance(item, dict)]
        found = [owner for owner in owners if isinstance(owner, str) and _OWNER.fullmatch(owner)]
        if not found:
            self._wire.refuse(Reason.UPSTREAM_BROKEN, "does not say whose token it is")
        return list(dict.fromkeys(found))[:MAX_OWNERS]

    def _next_page(self, reply: Reply, path: str) -> str | None:
        link = reply.headers.get("link")
        if not link:
            return None
        match = _NEXT.fullmatch(link)
        following = path_on(self._wire.endpoint.base_url, match[1]) if match else None
        if following is None or following.partition("?")[0] != path:
            self._wire.refuse(Reason.UPSTREAM_REDIRECT_REFUSED, "continues its list of repositories elsewhere")
        return following

    # -- answers

    def _get(self, path: str) -> Reply:
        """Raises PeerError; a 404 is handed back."""
        token = self._wire.endpoint.password
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token.reveal()}"
        reply = self._wire.get(path, headers=headers)
        if reply.status in (401, 403):
            self._wire.refuse(Reason.UPSTREAM_REFUSED_CREDENTIAL, "refuses the token")
        if reply.status == 429 or reply.status >= 500:
            self._wire.postpone(f"answers {reply.status}")
        return reply

    def _object(self, reply: Reply) -> dict[str, Any]:
        body = self._json(reply)
        return body if isinstance(body, dict) else self._broken()

    def _list(self, reply: Reply) -> list[Any]:
        body = self._json(reply)
        return body if isinstance(body, list) else self._broken()

    def _json(self, reply: Reply) -> object:
        if reply.status != 200:
            self._wire.refuse(Reason.UPSTREAM_BROKEN, f"is no hub: it answers {reply.status}")
        try:
            body: object = json.loads(reply.body)
        except (ValueError, RecursionError):
            self._broken()
        return body

    def _broken(self) -> NoReturn:
        self._wire.refuse(Reason.UPSTREAM_BROKEN, "answers with something that is not a hub's JSON")

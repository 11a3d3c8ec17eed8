"""The connector for MLflow tracking servers.

A server with accounts has them per person, and none that we could make for one grant: the proxy injects the gateway's
own, so there is nothing to create or remove per grant, and both calls say so. Listed are registered models and
experiments, as scopes name them (ADR 0019).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import urlencode

from jit_access.connectors.base import (
    AlreadyGone,
    Endpoint,
    Listing,
    RepositoryDescription,
)
from jit_access.connectors.wire import Reply, Wire
from jit_access.connectors.without_rights import WithoutRights
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import HUB_NAME, MAX_NAME_CHARS

CONVERSATION_S = 60.0
PAGE_SIZE = 200
MAX_PAGES = 60
MAX_REPOSITORIES = 10_000
MODELS, EXPERIMENTS = "models/", "experiments/"
_API = "/api/2.0/mlflow/"
# Nothing lies there. A server that serves its artifacts says so, one that does not refuses.
_PROBE = "/api/2.0/mlflow-artifacts/artifacts?path=gateway-probe"
_EXPERIMENT = re.compile(r"0|[1-9][0-9]{0,19}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class MLflowConnector(WithoutRights):
    """One tracking server. With a user name the password goes as Basic, without one as a token."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._wire = Wire(endpoint, lasts_at_most_s=CONVERSATION_S)

    def close(self) -> None:
        self._wire.close()

    def check(self) -> None:
        """May we list models, and does the server serve the files of models itself?"""
        self._object(self._get(f"{_API}registered-models/search?max_results=1"))
        if self._get(_PROBE).status not in (200, 404):
            self._wire.refuse(
                Reason.UPSTREAM_BROKEN, "does not serve artifacts itself: start it with --artifacts-destination"
            )

    def list_repositories(self) -> Listing:
        """Models, then experiments, within bounds."""
        self._is_whole = True
        listed = [*self._models(), *self._experiments()]
        usable = tuple(dict.fromkeys(name for name in listed if is_usable(name)))
        is_complete = self._is_whole and len(listed) <= MAX_REPOSITORIES
        return Listing(usable[:MAX_REPOSITORIES], is_complete, len(listed) - len(usable))

    def describe_repository(self, name: str) -> RepositoryDescription:
        """The newest version of a model; nobody says how many bytes it holds."""
        if name.startswith(EXPERIMENTS):
            query = urlencode({"experiment_id": name.removeprefix(EXPERIMENTS)})
            found = self._known(self._get(f"{_API}experiments/get?{query}"), name).get("experiment")
            title = found.get("name") if isinstance(found, dict) else ""
            return RepositoryDescription("", None, title if isinstance(title, str) and title.isprintable() else "")
        query = urlencode({"name": name.removeprefix(MODELS)})
        model = self._known(self._get(f"{_API}registered-models/get?{query}"), name).get("registered_model")
        latest = model.get("latest_versions") if isinstance(model, dict) else None
        versions = [str(item.get("version")) for item in _items(latest)]
        newest = max((int(version) for version in versions if _VERSION.fullmatch(version)), default=0)
        return RepositoryDescription(str(newest) if newest else "", None)

    # -- lists

    def _models(self) -> Iterator[str]:
        for item in self._paged("registered-models/search", "registered_models"):
            yield f"{MODELS}{item.get('name')}"

    def _experiments(self) -> Iterator[str]:
        for item in self._paged("experiments/search", "experiments"):
            yield f"{EXPERIMENTS}{item.get('experiment_id')}"

    def _paged(self, route: str, key: str) -> Iterator[dict[str, Any]]:
        query = {"max_results": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            body = self._object(self._get(f"{_API}{route}?{urlencode(query)}"))
            yield from _items(body.get(key))
            token = body.get("next_page_token")
            if not isinstance(token, str) or not token:
                return
            query["page_token"] = token
        self._is_whole = False

    # -- answers

    def _get(self, path: str) -> Reply:
        """Raises PeerError; a 404 is handed back."""
        reply = self._wire.get(path, headers={"Accept": "application/json", **self._credential()})
        if reply.status in (401, 403):
            self._wire.refuse(Reason.UPSTREAM_REFUSED_CREDENTIAL, "refuses the credential")
        # 501 and 503 are how a server says that it serves no artifacts.
        if reply.status == 429 or (reply.status >= 500 and path != _PROBE):
            self._wire.postpone(f"answers {reply.status}")
        return reply

    def _credential(self) -> dict[str, str]:
        endpoint = self._wire.endpoint
        if not endpoint.password:
            return {}
        secret = endpoint.password.reveal()
        if not endpoint.username:
            return {"Authorization": f"Bearer {secret}"}
        pair = f"{endpoint.username}:{secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    def _known(self, reply: Reply, name: str) -> dict[str, Any]:
        if reply.status == 404:
            slug = self._wire.endpoint.slug
            raise AlreadyGone(Reason.NOT_FOUND, f"{slug} no longer has {name}.", target=slug)
        return self._object(reply)

    def _object(self, reply: Reply) -> dict[str, Any]:
        if reply.status != 200:
            self._wire.refuse(Reason.UPSTREAM_BROKEN, f"is no tracking server: it answers {reply.status}")
        try:
            body: object = json.loads(reply.body)
        except (ValueError, RecursionError):
            self._broken()
        return body if isinstance(body, dict) else self._broken()

    def _broken(self) -> NoReturn:
        self._wire.refuse(Reason.UPSTREAM_BROKEN, "answers with something that is not a tracking server's JSON")


def is_usable(name: str) -> bool:
    """True for a name that a repository of this kind may have here."""
    if name.startswith(EXPERIMENTS):
        return bool(_EXPERIMENT.fullmatch(name.removeprefix(EXPERIMENTS)))
    return len(name) <= MAX_NAME_CHARS and name.count("/") == 1 and bool(HUB_NAME.fullmatch(name))


def _items(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

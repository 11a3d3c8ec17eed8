"""The tracking server's answers as the client may see them: nothing of models and versions that are not granted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, Scope
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Judgement
from registry_proxy.protocols.documents import read_document
from registry_proxy.protocols.headers import forwarded_response
from registry_proxy.protocols.http1 import ResponseHead
from registry_proxy.protocols.mlflow import names
from registry_proxy.protocols.mlflow.errors import error_answer, upstream_answer
from registry_proxy.protocols.mlflow.memory import Memory
from registry_proxy.protocols.mlflow.searching import VERSIONS, is_partial, page_of
from registry_proxy.protocols.mlflow.versions import is_meant
from registry_proxy.protocols.wanted import RefKind

MAX_ANSWER_BYTES = 8 * 1024 * 1024
MAX_ERROR_BYTES = 256 * 1024
_FILE = frozenset({200, 206, 304, 416})
_FILE_FIELDS = frozenset({b"content-disposition"})
_VERSION = re.compile(rb"[0-9A-Za-z.+-]{1,40}\n?")
_SOURCE = re.compile(r"models:/([^/@]+)[/@].*")
# Of a model, what says nothing of versions that are not granted.
_OF_A_PART = frozenset({"name", "creation_timestamp", "last_updated_timestamp", "latest_versions", "aliases"})

_OF_MODEL = frozenset({"model", "model-create", "model-update", "model-rename"})
_OF_VERSION = frozenset({"alias", "version", "version-create", "version-update", "stage"})
_OF_LOGGED = frozenset({"logged", "logged-finish", "logged-create"})

Document = dict[str, object]


def judge_head(asked: Asked, head: ResponseHead) -> Judgement:
    """By the head alone. No redirect is followed: a tracking server that hands out addresses serves no bytes itself."""
    if head.status >= 400 and head.status != 416:
        return Judgement(buffer_limit=MAX_ERROR_BYTES)
    if asked.classified.route == "file":
        headers = forwarded_response(head, more=_FILE_FIELDS)
        return Judgement((*headers, (b"x-content-type-options", b"nosniff"))) if head.status in _FILE else broken()
    return Judgement(buffer_limit=MAX_ANSWER_BYTES) if head.status == 200 else broken()


def judge_body(asked: Asked, status: int, body: bytes, memory: Memory) -> Judgement:
    """By the whole answer."""
    route = asked.classified.route
    if status >= 400:
        return Judgement(answer=upstream_answer(status, body))
    if route == "server-version":
        return _plain(body)
    if route == "file-put":
        return Judgement(answer=json_answer({}))
    try:
        document = read_document(body)
    except ValueError:
        return broken()
    if not isinstance(document, dict):
        return broken()
    cleaned = _Cleaner(asked, memory).clean(route, document)
    return broken() if cleaned is None else Judgement(answer=json_answer(cleaned))


def broken() -> Judgement:
    """An answer that cannot be passed on."""
    return Judgement(refusal=Reason.UPSTREAM_BROKEN, answer=error_answer(502, Reason.UPSTREAM_BROKEN))


def _plain(body: bytes) -> Judgement:
    if not _VERSION.fullmatch(body):
        return broken()
    return Judgement(answer=Answer(200, ((b"content-type", b"text/plain"), (b"cache-control", b"no-store")), body))


class _Cleaner:
    """One answer, for one grant."""

    def __init__(self, asked: Asked, memory: Memory) -> None:
        self._asked, self._memory = asked, memory
        self._scope: Scope = asked.admitted().view.scope

    def clean(self, route: str, document: Document) -> Document | None:
        """The same document without what is not granted; None when it is about something else than was asked."""
        if route in _OF_MODEL:
            model = self._model(_object(document.get("registered_model")))
            return {"registered_model": model} if self._is_asked(model) else None
        if route in _OF_VERSION:
            version = _object(document.get("model_version"))
            is_it = self._is_asked(version) and (route != "version" or self._is_asked_version(version))
            return {"model_version": self._seen(version)} if is_it else None
        if route in ("latest-versions", VERSIONS):
            return self._listed(route, document)
        if route == "models":
            listed = [self._model(item) for item in _items(document.get("registered_models"))]
            return {"registered_models": [item for item in listed if item], **_page(document)}
        if route == "files":
            return self._files(document)
        return self._logged(document) if route in _OF_LOGGED else document

    def _resource(self, name: object) -> ResourceScope | None:
        found = self._scope.find(f"{names.MODELS}{name}")
        return found if found is not None and Operation.PULL in found.operations else None

    def _is_asked(self, item: Document) -> bool:
        asked = self._asked.classified
        # A model that was renamed answers by its new name, which is what was asked last.
        expected = asked.wanted[-1].repository if asked.route == "model-rename" else asked.repository
        return f"{names.MODELS}{item.get('name')}" == expected

    def _is_asked_version(self, item: Document) -> bool:
        asked = self._asked.classified.wanted[0]
        return asked.reference_kind is not RefKind.COMMIT or item.get("version") == asked.reference

    def _model(self, item: Document) -> Document:
        """Empty when no part of it is granted."""
        resource = self._resource(item.get("name"))
        if resource is None:  # what was written by somebody who may not read it
            return {key: item[key] for key in ("name",) if key in item and self._is_asked(item)}
        kept = dict(item) if not resource.is_restricted else {key: item[key] for key in item if key in _OF_A_PART}
        if "latest_versions" in kept:
            kept["latest_versions"] = self._versions(kept["latest_versions"])
        if "aliases" in kept:
            kept["aliases"] = [
                pair for pair in _items(kept["aliases"]) if self._covers(resource, pair.get("alias"))
            ]  # fmt: skip
        return kept

    def _versions(self, listed: object) -> list[Document]:
        return [self._seen(item) for item in _items(listed) if self._is_granted(item)]

    def _listed(self, route: str, document: Document) -> Document | None:
        """The server's pages count rows that are not shown. None when it has more than were asked for."""
        rows = self._versions(document.get("model_versions"))
        if route != VERSIONS or not is_partial(self._scope):
            return {"model_versions": rows, **_page(document)}
        if _page(document):
            return None
        rows, token = page_of(rows, dict(self._asked.classified.query))
        return {"model_versions": rows, **({"next_page_token": token} if token else {})}

    def _is_granted(self, item: Document) -> bool:
        resource, version = self._resource(item.get("name")), item.get("version")
        version = str(version) if type(version) is int else version  # as the tag of a logged model has it
        if resource is None or not isinstance(version, str):
            return False
        pins = self._memory.pins(self._asked.admitted().view.grant_id, resource.repository)
        return resource.covers_tag(version) or is_meant(resource, pins, version)

    def _seen(self, item: Document) -> Document:
        """A version without names of others: aliases of the same model, and where it was copied from."""
        seen, resource = dict(item), self._resource(item.get("name"))
        if "aliases" in seen:
            listed = seen["aliases"] if isinstance(seen["aliases"], list) else []
            seen["aliases"] = [alias for alias in listed if resource is not None and self._covers(resource, alias)]
        copied = _SOURCE.fullmatch(str(seen.get("source", "")))
        if copied and self._resource(copied[1]) is None:
            seen["source"] = ""
        return seen

    def _logged(self, document: Document) -> Document:
        """A logged model without the names of the models that it was registered under and that are not granted."""
        model = dict(_object(document.get("model")))
        info = dict(_object(model.get("info")))
        info["tags"] = [self._tag(item) for item in _items(info.get("tags"))]
        info.pop("registrations", None)
        return {"model": model | {"info": info}}

    def _tag(self, item: Document) -> Document:
        if item.get("key") != names.VERSIONS_TAG:
            return item
        try:
            listed = read_document(str(item.get("value")))
        except ValueError:
            listed = []
        kept = [pair for pair in _items(listed) if self._is_granted(pair)]
        return {"key": names.VERSIONS_TAG, "value": json.dumps(kept)}

    def _files(self, document: Document) -> Document:
        """Names of one folder, each a name and no path; under a grant for files only those, and folders on the way."""
        asked = self._asked
        folder, path = asked.notes.get("folder", ""), str(dict(asked.classified.query).get("path", ""))
        inside = path[len(folder) + 1 :]
        resource = asked.resource(asked.classified.wanted[0])
        kept = []
        for item in _items(document.get("files")):
            name = item.get("path")
            if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
                continue
            full = f"{inside}/{name}" if inside else name
            is_folder = item.get("is_dir") is True
            if resource.covers_file(full) or (is_folder and _may_hold(resource, full)):
                kept.append({key: item[key] for key in ("path", "is_dir", "file_size") if key in item})
        return {"files": kept}

    @staticmethod
    def _covers(resource: ResourceScope, name: object) -> bool:
        return isinstance(name, str) and resource.covers_tag(name)


def _may_hold(resource: ResourceScope, folder: str) -> bool:
    """True when a pattern speaks of something below this folder."""
    return any(pattern.startswith(("*", f"{folder}/")) for pattern in resource.files)


def _page(document: Mapping[str, object]) -> Document:
    token = document.get("next_page_token")
    return {"next_page_token": token} if isinstance(token, str) and token else {}


def _object(value: object) -> Document:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Document]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

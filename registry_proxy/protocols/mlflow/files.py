"""Paths of artifacts. They say nothing of the model that they belong to, and are never taken at their word.

A path is read under the version whose folder the grant was told before, and written under the logged model that the
tracking server places there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Preparation, Prepared
from registry_proxy.protocols.mlflow import names
from registry_proxy.protocols.mlflow.asking import found_in
from registry_proxy.protocols.mlflow.errors import READY, error_answer
from registry_proxy.protocols.mlflow.memory import FILES, Memory
from registry_proxy.protocols.mlflow.places import logged_place, place_in
from registry_proxy.protocols.mlflow.routes import Found
from registry_proxy.protocols.mlflow.steps import API, MAX_ANSWER_BYTES, OUT, ask_about, pins_of, question, read, settle
from registry_proxy.protocols.mlflow.table import FILE_PUT
from registry_proxy.protocols.mlflow.table import FILES as FILES_ROUTE
from registry_proxy.protocols.mlflow.versions import is_open
from registry_proxy.protocols.upstream_request import LastQuestion
from registry_proxy.protocols.wanted import RefKind, Wanted


def find_files(asked: Asked, found: Found, memory: Memory) -> Preparation:
    wanted = asked.classified.wanted
    if found.route is FILE_PUT:
        return Prepared() if asked.asked_again else (yield from _upload(asked, found.tail, memory))
    if asked.asked_again:
        is_granted = yield from is_open(asked, wanted[0], memory)
        return Prepared() if is_granted else Prepared(Reason.REFERENCE_NOT_GRANTED)
    path = found.tail or str(dict(asked.classified.query).get("path", ""))
    is_listing = found.route is FILES_ROUTE
    owner = next(_owners(asked, path, memory), None)
    if owner is None:
        for resource in _readable(asked):
            yield from settle(asked, resource.repository, {}, memory)
        owner = next(_owners(asked, path, memory), None)
    if owner is None:
        return OUT
    asked.notes["folder"] = owner.folder
    file = "" if is_listing else path[len(owner.folder) + 1 :]
    about = Wanted(asked.classified.target, owner.repository, Operation.PULL, owner.version, RefKind.COMMIT, file)
    return ask_about(asked, (about,))


@dataclass(frozen=True, slots=True)
class _Owner:
    repository: str
    version: str
    folder: str


def _owners(asked: Asked, path: str, memory: Memory) -> Iterator[_Owner]:
    """Versions whose folder this path lies in, of those whose folder this grant was told."""
    for resource in _readable(asked):
        for name, folder in pins_of(asked, resource.repository, memory).items():
            if name.startswith(FILES) and (path == folder or path.startswith(f"{folder}/")):
                yield _Owner(resource.repository, name.removeprefix(FILES), folder)


def _readable(asked: Asked) -> list[ResourceScope]:
    return [
        item for item in asked.admitted().view.scope.resources
        if item.repository.startswith(names.MODELS) and Operation.PULL in item.operations
    ]  # fmt: skip


def _upload(asked: Asked, path: str, memory: Memory) -> Preparation:
    """Files of a logged model until it is ready: from then on versions of it may be read, and stay what they are."""
    identity = _identity(path)
    if not names.LOGGED.fullmatch(identity):
        return OUT
    place = yield from logged_place(asked, identity)
    if place is None or not path.startswith(f"{place.folder}/"):
        return OUT
    if not place.is_writable:
        return Prepared(Reason.REFERENCE_NOT_GRANTED, error_answer(403, Reason.REFERENCE_NOT_GRANTED, READY))
    target = asked.classified.target
    memory.place(target, identity, place.experiment)
    return ask_about(
        asked,
        (Wanted(target, f"{names.EXPERIMENTS}{place.experiment}", Operation.PUSH, file=path[len(place.folder) + 1 :]),),
    )


def last_question(asked: Asked) -> LastQuestion:
    """Whether that model is not ready even now. Others may finish and register it while this body is on its way."""
    path = found_in(asked).tail
    identity = _identity(path)

    def refuses(status: int, body: bytes) -> Reason | None:
        document = read(body) if status == 200 else None
        place = place_in(document, identity) if document is not None else None
        if place is None:
            return Reason.UPSTREAM_BROKEN
        is_there = place.is_writable and path.startswith(f"{place.folder}/")
        return None if is_there else Reason.REFERENCE_NOT_GRANTED

    return LastQuestion(question(asked, f"{API}logged-models/{identity}"), MAX_ANSWER_BYTES, refuses)


def _identity(path: str) -> str:
    parts = path.split("/")
    return parts[2] if len(parts) > 4 else ""

"""Which versions a grant opens, what its aliases mean, and where the files of a version lie."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.answers import json_answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Learned, Preparation, Prepared, Step
from registry_proxy.protocols.mlflow import names
from registry_proxy.protocols.mlflow.errors import error_answer
from registry_proxy.protocols.mlflow.memory import FILES, Memory
from registry_proxy.protocols.mlflow.routes import Found
from registry_proxy.protocols.mlflow.steps import API, BROKEN, get, part, pins_of, settle
from registry_proxy.protocols.wanted import RefKind, Wanted

_NOT_SERVED = (
    "The files of this version are not served by the tracking server itself. Its operators have to start it with "
    "--artifacts-destination."
)


def check_versions(asked: Asked, found: Found, fields: Mapping[str, object], memory: Memory) -> Preparation:
    for wanted in asked.classified.wanted:
        if wanted.reference_kind is RefKind.COMMIT and not (yield from is_open(asked, wanted, memory)):
            return Prepared(Reason.REFERENCE_NOT_GRANTED)
    if found.route.name == "alias":
        return (yield from _alias(asked, memory))
    if found.route.name == "download-uri":
        return (yield from _download_uri(asked, fields, memory))
    return Prepared()


def is_open(asked: Asked, wanted: Wanted, memory: Memory) -> Generator[Step, Learned, bool]:
    """A version is open when the scope names it, or when an alias of the scope meant it at its first use."""
    resource = asked.resource(wanted)
    if resource.covers_tag(wanted.reference):
        return True
    if _means(asked, resource, memory, wanted.reference):
        return True
    yield from settle(asked, resource.repository, {}, memory)
    settled = pins_of(asked, resource.repository, memory)
    fresh: dict[str, str] = {}
    for alias in resource.tags:
        if names.ALIAS.fullmatch(alias) and alias not in settled:
            version = yield from _version_of(asked, resource.repository, alias)
            if isinstance(version, str):
                fresh[alias] = version
    if fresh:
        yield from settle(asked, resource.repository, fresh, memory)
    return _means(asked, resource, memory, wanted.reference)


def is_meant(resource: ResourceScope, pins: Mapping[str, str], version: str) -> bool:
    """True when an alias that the scope covers was settled to mean this version."""
    return any(
        means == version and names.ALIAS.fullmatch(name) is not None and resource.covers_tag(name)
        for name, means in pins.items()
    )


def _means(asked: Asked, resource: ResourceScope, memory: Memory, version: str) -> bool:
    pins = pins_of(asked, resource.repository, memory)
    return any(
        means == version and names.ALIAS.fullmatch(name) and resource.covers_tag(name) for name, means in pins.items()
    )


def _alias(asked: Asked, memory: Memory) -> Preparation:
    """Under a restricted grant an alias goes on meaning what it meant when this grant used it first."""
    wanted, restricted = asked.classified.wanted[0], asked.restricted()
    if restricted is None:
        return Prepared()
    pins = pins_of(asked, wanted.repository, memory)
    if wanted.reference not in pins:
        version = yield from _version_of(asked, wanted.repository, wanted.reference)
        if isinstance(version, Prepared):
            return version
        yield from settle(asked, wanted.repository, {wanted.reference: version}, memory)
        pins = pins_of(asked, wanted.repository, memory)
    version = pins.get(wanted.reference, "")
    if not names.VERSION.fullmatch(version):
        return BROKEN
    asked.notes["version"] = version
    query = urlencode({"name": wanted.repository.removeprefix(names.MODELS), "version": version})
    asked.classified = replace(asked.classified, upstream_target=f"{API}model-versions/get?{query}".encode("ascii"))
    return Prepared()


def _version_of(asked: Asked, repository: str, alias: str) -> Generator[Step, Learned, str | Prepared]:
    query = urlencode({"name": repository.removeprefix(names.MODELS), "alias": alias})
    answer = yield from get(asked, f"{API}registered-models/alias?{query}")
    if isinstance(answer, Prepared):
        return answer
    version = part(answer, "model_version").get("version")
    return version if isinstance(version, str) and names.VERSION.fullmatch(version) else BROKEN


def _download_uri(asked: Asked, fields: Mapping[str, object], memory: Memory) -> Preparation:
    """Where the files of a version lie: said by the tracking server, settled for this grant, told to the client."""
    wanted = asked.classified.wanted[0]
    pin = f"{FILES}{wanted.reference}"
    if pin not in pins_of(asked, wanted.repository, memory):
        query = urlencode({"name": str(fields["name"]), "version": wanted.reference})
        answer = yield from get(asked, f"{API}model-versions/get-download-uri?{query}")
        if isinstance(answer, Prepared):
            return answer
        folder = names.folder_of(answer.get("artifact_uri"))
        if not folder:
            return Prepared(Reason.UPSTREAM_BROKEN, error_answer(502, Reason.UPSTREAM_BROKEN, _NOT_SERVED))
        yield from settle(asked, wanted.repository, {pin: folder}, memory)
    folder = pins_of(asked, wanted.repository, memory).get(pin, "")
    if not folder:
        return BROKEN
    return Prepared(answer=json_answer({"artifact_uri": f"{names.SCHEME}{folder}"}))

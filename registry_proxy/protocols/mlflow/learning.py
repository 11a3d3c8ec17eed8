"""What has to be learned before an answer, by route. Then the gate is asked (again) about what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Preparation, Prepared
from registry_proxy.protocols.mlflow.asking import fields_of, found_in, named_in
from registry_proxy.protocols.mlflow.errors import error_answer
from registry_proxy.protocols.mlflow.files import find_files
from registry_proxy.protocols.mlflow.memory import Memory
from registry_proxy.protocols.mlflow.names import VERSIONS_TAG
from registry_proxy.protocols.mlflow.places import experiment_by_name, learn_places
from registry_proxy.protocols.mlflow.routes import Found
from registry_proxy.protocols.mlflow.searching import TellsTooMuch, narrowed
from registry_proxy.protocols.mlflow.table import FILE, FILE_PUT, FILES, About
from registry_proxy.protocols.mlflow.versions import check_versions
from registry_proxy.protocols.query import render_pairs

_BY_NAME = "Your grant covers some versions only: search by name and version_number, and order by those."


def prepare(asked: Asked, memory: Memory) -> Preparation:
    """Go on, ask the gate about what was learned, or refuse."""
    if asked.classified.route == "server-version":
        return Prepared()
    found = found_in(asked)
    if found.route in (FILE, FILES, FILE_PUT):
        return (yield from find_files(asked, found, memory))
    if found.route.about is About.SEARCH:
        return _search(asked)
    return (yield from _by_fields(asked, found, memory))


def _by_fields(asked: Asked, found: Found, memory: Memory) -> Preparation:
    fields = fields_of(asked, found)
    if found.route.about is About.NEW_LOGGED and VERSIONS_TAG in _keys(fields):
        return Prepared(Reason.MALFORMED_REQUEST, _not_yours())
    if not asked.asked_again:
        if found.route.about is About.EXPERIMENT_NAME:
            return (yield from experiment_by_name(asked))
        named = named_in(asked.classified.target, found, fields)
        if named.runs or named.logged:
            return (yield from learn_places(asked, named, found, fields, memory))
    answer = _own_tags(fields) if found.route.name == "logged-tags" else None
    if answer is not None:
        return Prepared(answer=answer)
    return (yield from check_versions(asked, found, fields, memory))


def _search(asked: Asked) -> Prepared:
    try:
        query = narrowed(asked.classified.query, asked.admitted().view.scope, asked.classified.route)
    except TellsTooMuch:
        reason = Reason.REFERENCE_NOT_GRANTED
        return Prepared(reason, error_answer(403, reason, _BY_NAME))
    if query is None:
        return Prepared(answer=json_answer({}))
    path = asked.classified.upstream_target.partition(b"?")[0]
    asked.classified = replace(asked.classified, upstream_target=path + b"?" + render_pairs(query))
    return Prepared()


def _own_tags(fields: Mapping[str, object]) -> Answer | None:
    """The server keeps the list of versions by itself. A client's copy of it lacks what was hidden from that client."""
    keys = _keys(fields)
    if VERSIONS_TAG not in keys:
        return None
    return json_answer({}) if keys == {VERSIONS_TAG} else _not_yours()


def _keys(fields: Mapping[str, object]) -> set[object]:
    tags = fields.get("tags")
    return {item.get("key") for item in tags if isinstance(item, dict)} if isinstance(tags, list) else set()


def _not_yours() -> Answer:
    return error_answer(400, Reason.MALFORMED_REQUEST, f"{VERSIONS_TAG} is set by the tracking server alone.")

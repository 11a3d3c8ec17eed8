"""A repository's own life: made, moved, duplicated, removed, set up. Which one it is about stands in the body.

Each is the operation `admin`, on every name that it gives or takes away. A copy reads its source, all of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import JSON, Answer, dump_json, json_answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.hf.errors import GATED
from registry_proxy.protocols.hf.names import repository_of
from registry_proxy.protocols.hf.strict import a_text, malformed, read_object
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import Wanted

MADE = frozenset({"repo-create", "duplicate"})  # answered with the address of what there is now
_TYPES = {"model": "models", "dataset": "datasets", "space": "spaces"}
_MAX_NAME_CHARS = 200
# What each setting may be, as the client sends it.
_SETTINGS: dict[str, tuple[str | bool, ...]] = {
    "visibility": ("private", "public", "protected"), "private": (True, False), "gated": ("auto", "manual", False),
    "sdk": ("gradio", "streamlit", "docker", "static"),
}  # fmt: skip
_WHO = "Name the owner too, as Org/Name: without one, the hub would take the gateway's own account."
_PART = "Your grant covers a part of this repository only. Administering and duplicating need one for all of it."
_ALL_KINDS = "A copy takes all files along, and your grant refuses some kinds of them."
_THERE = "The hub has a repository of that name already."


def read_administering(asked: Asked) -> None:
    """Ask the gate about every name, what is not covered first, and note what changes. Raises Unclassified."""
    wanted = _wanted(asked)
    scope = asked.admitted().view.scope
    for item in wanted:
        found = scope.find(item.repository)
        if found is not None and not found.is_whole:
            raise Unclassified(403, Reason.REFERENCE_NOT_GRANTED, _PART, code=GATED)
    told = wanted[0].repository
    wanted.sort(key=lambda item: scope.refusal(item.repository, item.operation) is None)
    asked.classified = replace(asked.classified, wanted=tuple(wanted), repository=told)


def _wanted(asked: Asked) -> list[Wanted]:
    """What is made or changed stands first."""
    document, notes = read_object(asked.body or b""), asked.notes
    match asked.classified.route:
        case "repo-create":
            wanted = [_named(asked, document, ("visibility", "private", "sdk"))]
        case "repo-delete":
            wanted = [_named(asked, document, ())]
        case "repo-move":
            _known(document, ("fromRepo", "toRepo", "type"))
            kind = _kind(document["type"])
            wanted = [_admin(asked, _repository(kind, document[key])) for key in ("toRepo", "fromRepo")]
            notes["moved_from"], notes["moved_to"] = wanted[1].repository, wanted[0].repository
        case "duplicate":
            source = asked.classified.wanted[0]
            _known(document, ("repository",), ("visibility", "private"))
            if asked.admitted().view.refused_files:  # the hub copies all there is
                raise Unclassified(403, Reason.FILE_TYPE_REFUSED, _ALL_KINDS, code=GATED)
            wanted = [_admin(asked, _repository(source.repository.partition("/")[0], document["repository"])), source]
            notes["copied_from"] = source.repository
        case _:
            _known(document, (), ("visibility", "private", "gated"))
            wanted = list(asked.classified.wanted)
    _note_settings(document, notes)
    return wanted


def made_answer(address: str, document: dict[str, object]) -> Answer:
    """Where the new repository is: the hub's own address would lead past us."""
    return json_answer({"url": address, "filesCopyPending": document.get("filesCopyPending") is True})


def there_answer(address: str) -> Answer:
    """With `exist_ok`, a client goes on from here."""
    message = (b"x-error-message", _THERE.encode("ascii"))
    return Answer(409, (JSON, message), dump_json({"error": _THERE, "url": address, "reason": "upstream"}))


def _named(asked: Asked, document: dict[str, Any], optional: tuple[str, ...]) -> Wanted:
    _known(document, ("name", "organization"), ("type", *optional))
    if document["organization"] is None:
        raise Unclassified(403, Reason.NAME_INVALID, _WHO)
    kind = _kind(document.get("type", "model"))
    return _admin(asked, repository_of(kind, [_part(document["organization"]), _part(document["name"])]))


def _admin(asked: Asked, repository: str) -> Wanted:
    return Wanted(asked.classified.target, repository, Operation.ADMIN)


def _repository(kind: str, name: object) -> str:
    owner, slash, rest = a_text(name, _MAX_NAME_CHARS).partition("/")
    if not slash:
        raise Unclassified(403, Reason.NAME_INVALID, _WHO)
    return repository_of(kind, [_part(owner), _part(rest)])


def _part(text: object) -> str:
    part = a_text(text, _MAX_NAME_CHARS)
    if not part or "/" in part:
        raise malformed("a name that is none")
    return part


def _kind(text: object) -> str:
    if not isinstance(text, str) or text not in _TYPES:
        raise malformed("a type other than model, dataset and space")
    return _TYPES[text]


def _known(document: dict[str, Any], needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """No more than what is judged here: hardware, secrets and groups of resources are for the hub's own pages."""
    more = sorted(key[:40] for key in document.keys() - {*needed, *optional} if key.isascii() and key.isprintable())
    if document.keys() - {*needed, *optional}:
        words = f"The gateway does not take this setting here: {', '.join(more[:10])}. Make it at the hub."
        raise Unclassified(403, Reason.ROUTE_UNKNOWN, words)
    if not set(needed) <= document.keys() or not document:
        raise malformed(f"no {' or no '.join(needed or optional)}")


def _note_settings(document: dict[str, Any], notes: dict[str, str]) -> None:
    """What becomes of a repository stands in the record: one that is public is everybody's. Raises Unclassified."""
    for name in _SETTINGS.keys() & document.keys():
        value = document[name]
        if not any(value == known and type(value) is type(known) for known in _SETTINGS[name]):
            raise malformed(f"a value of {name} that it cannot have")
        notes[name] = str(value).lower()

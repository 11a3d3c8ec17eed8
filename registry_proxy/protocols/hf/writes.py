"""What bodies ask for: which files of which revision are added and removed, which objects come, which paths are told
of."""

from __future__ import annotations

from dataclasses import replace

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import MAX_REVISION_CHARS, REVISION
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.hf.administering import read_administering
from registry_proxy.protocols.hf.names import is_commit
from registry_proxy.protocols.hf.paths_info import read_paths
from registry_proxy.protocols.hf.routes import ADMINISTERS, revision_of
from registry_proxy.protocols.hf.seals import UploadPlace
from registry_proxy.protocols.hf.strict import (
    a_list,
    a_path,
    a_size,
    a_text,
    an_oid,
    malformed,
    only,
    read_object,
)
from registry_proxy.protocols.wanted import RefKind, Wanted

MAX_LINES = 5000
MAX_FILES = 1000
MAX_PARTS = 10_000
MAX_TEXT_CHARS = 100_000
_TRANSFERS = frozenset({"basic", "multipart"})


def read_body(asked: Asked, place: UploadPlace | None = None) -> None:
    """Ask the gate about everything that the body names. `place` is where a list of parts goes. Raises Unclassified."""
    body, classified = asked.body or b"", asked.classified
    match classified.route:
        case "preupload":
            wanted = _preupload(body, classified.wanted[0])
        case "commit":
            wanted = _commit(asked, body)
        case "lfs-batch":
            wanted = _batch(body, classified.wanted[0])
        case "lfs-verify":
            _object(only(read_object(body), ("oid", "size")))
            return
        case "paths-info":
            read_paths(asked)
            return
        case "lfs-place":
            _parts(body, place)
            return
        case route if route in ADMINISTERS:
            read_administering(asked)
            return
        case _:
            return
    asked.classified = replace(classified, wanted=tuple(dict.fromkeys(wanted)))


def _preupload(body: bytes, asked: Wanted) -> list[Wanted]:
    document = only(read_object(body), ("files",), ("gitAttributes", "gitIgnore"))
    for name in document.keys() - {"files"}:
        a_text(document[name], MAX_TEXT_CHARS)
    items = [only(item, ("path", "sample", "size")) for item in a_list(document["files"], MAX_FILES)]
    for item in items:
        a_text(item["sample"], 4096)
        a_size(item["size"])
    return [asked, *(replace(asked, file=a_path(item["path"])) for item in items)]


def _commit(asked: Asked, body: bytes) -> list[Wanted]:
    """One line for what the commit is called, and one for each change. Removing is another operation than adding."""
    lines = body.removesuffix(b"\n").split(b"\n")
    if len(lines) > MAX_LINES:
        raise malformed(f"more than {MAX_LINES} lines")
    items = [only(read_object(line), ("key", "value")) for line in lines]
    if items[0]["key"] != "header":
        raise malformed("a commit without a header")
    header = only(items[0]["value"], ("summary",), ("description", "parentCommit"))
    for text in header.values():
        a_text(text, MAX_TEXT_CHARS)
    classified = asked.classified
    revision = revision_of(classified)
    base = Wanted(classified.target, classified.repository, Operation.PUSH, revision, RefKind.TAG, "")
    changes = [_change(item, base) for item in items[1:]]
    return changes or [base]


def _change(item: dict[str, object], base: Wanted) -> Wanted:
    value = item["value"]
    match item["key"]:
        case "file":
            fields = only(value, ("path", "content", "encoding"))
            a_text(fields["content"], len(fields["content"]) if isinstance(fields["content"], str) else 0)
            if fields["encoding"] != "base64":
                raise malformed("an encoding other than base64")
            return replace(base, file=a_path(fields["path"]))
        case "lfsFile":
            fields = only(value, ("path", "algo", "oid"), ("size",))
            an_oid(fields["oid"])
            a_size(fields.get("size", 0))
            if fields["algo"] != "sha256":
                raise malformed("an algorithm other than sha256")
            return replace(base, file=a_path(fields["path"]))
        case "deletedFile":
            fields = only(value, ("path",))
            return replace(base, operation=Operation.DELETE, file=a_path(fields["path"]))
        case "deletedFolder":
            # All that lies below: covered by a pattern that covers the folder's name with anything behind it.
            path = a_text(only(value, ("path",))["path"], 1000).removesuffix("/")
            return replace(base, operation=Operation.DELETE, file=f"{a_path(path)}/")
        case _:
            raise malformed("a change that the gateway does not know")


def _batch(body: bytes, asked: Wanted) -> list[Wanted]:
    """Objects are named by their content, and change nothing before a commit names them."""
    document = only(read_object(body), ("operation", "objects"), ("transfers", "hash_algo", "ref"))
    if document["operation"] != "upload" or document.get("hash_algo", "sha256") != "sha256":
        raise malformed("another operation than an upload by sha256")
    if not set(map(str, a_list(document.get("transfers", []), 4))) <= _TRANSFERS:
        raise malformed("a way of transfer that goes past the gateway")
    for item in a_list(document["objects"], MAX_FILES):
        _object(only(item, ("oid", "size")))
    if "ref" not in document:
        return [asked]
    revision = a_text(only(document["ref"], ("name",))["name"], MAX_REVISION_CHARS).removeprefix("refs/heads/")
    if not REVISION.fullmatch(revision) or is_commit(revision):
        raise malformed("a revision that is no branch")
    return [replace(asked, reference=revision, reference_kind=RefKind.TAG)]


def _object(item: dict[str, object]) -> None:
    an_oid(item["oid"])
    a_size(item["size"])


def _parts(body: bytes, place: UploadPlace | None) -> None:
    """Of the object that the address is for, each part once and in order."""
    document = only(read_object(body), ("oid", "parts"))
    numbers = [
        a_size(only(part, ("partNumber", "etag"))["partNumber"]) for part in a_list(document["parts"], MAX_PARTS)
    ]
    for part in document["parts"]:
        a_text(part["etag"], 200)
    if place is None or an_oid(document["oid"]) != place.oid or numbers != list(range(1, place.parts + 1)):
        raise malformed("parts other than those of this upload")

"""The hub's JSON as the client may see it: no way past the gateway, and no revision that the grant does not cover."""

from __future__ import annotations

import re
from urllib.parse import unquote

from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.answers import dump_json
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.documents import read_document
from registry_proxy.protocols.origins import Origin, parse_reference
from registry_proxy.protocols.query import QueryError, parse_pairs, render_pairs

MAX_LISTING_BYTES = 8 * 1024 * 1024
# With its hash a client asks for the file's bytes at a store of the hub, and does not even look at the headers.
_HINTS = frozenset({"xetHash"})
# Of a repository's description, what says nothing of the content of its files.
_OF_A_PART = frozenset({
    "_id", "id", "modelId", "author", "sha", "private", "gated", "disabled", "createdAt", "lastModified", "downloads",
    "likes",
})  # fmt: skip
_BY_NAME = ("branches", "tags")
_BY_REF = ("converts", "pullRequests")
_LINK = re.compile(r'\s*<([^<>]{1,4096})>\s*;\s*rel="?next"?\s*')


class Unusable(Exception):
    """The hub's answer cannot be passed on."""


def clean(body: bytes, asked: Asked) -> bytes:
    """The same document without hints and without what the grant does not cover. Raises Unusable."""
    try:
        document = read_document(body, each_object=_without_hints)
    except ValueError as exc:
        raise Unusable from exc
    route, resource = asked.classified.route, asked.resource(asked.classified.wanted[0])
    if route in ("info", "revision"):
        document = _granted_info(_object(document), asked, resource)
    elif route == "refs" and resource.is_restricted:
        document = _granted_refs(_object(document), resource)
    elif route == "commits" and resource.files:
        document = [_commit_of_a_part(item) for item in _items(document)]
    elif route in ("tree", "paths-info") and resource.files:
        document = [item for item in _items(document) if _is_granted(item.get("path"), resource)]
    return dump_json(document)


def next_page(value: bytes, asked: Asked, upstream: Origin) -> bytes:
    """The next page of this very list, under the address by which the client asked. Raises Unusable.

    A page that is left out would look like the end of the list, so what is not understood is refused.
    """
    path = asked.classified.upstream_target.decode("ascii").partition("?")[0]
    found = _LINK.fullmatch(value.decode("ascii", "replace"))
    try:
        origin, target = parse_reference(f"{upstream}{path}", found[1].encode() if found else b"")
        there, _, query = target.partition("?")
        pairs = parse_pairs(query.encode("ascii"), repeatable={"expand", "expand[]"})
    except (ValueError, QueryError) as exc:
        raise Unusable from exc
    if origin != upstream or unquote(there) != unquote(path):
        raise Unusable
    ours = asked.facts.origin + asked.head.target.partition(b"?")[0]
    return b"<" + ours + b"?" + render_pairs(pairs) + b'>; rel="next"'


def _without_hints(item: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in item.items() if key not in _HINTS}


def _granted_info(document: dict[str, object], asked: Asked, resource: ResourceScope) -> dict[str, object]:
    """It must speak of the commit that was judged. Under files, it says no more than which of them there are."""
    pinned = asked.notes.get("commit")
    if pinned and document.get("sha", pinned) != pinned:
        raise Unusable
    if not resource.files:
        return document
    kept = {key: value for key, value in document.items() if key in _OF_A_PART}
    if "siblings" in document:
        listed = _items(document["siblings"])
        kept["siblings"] = [item for item in listed if _is_granted(item.get("rfilename"), resource)]
    return kept


def _commit_of_a_part(item: dict[str, object]) -> dict[str, object]:
    """That there is one. Its words name files, and its authors those who wrote them; clients need the keys."""
    return {"authors": [], "title": "", "message": ""} | {key: item[key] for key in ("id", "date") if key in item}


def _granted_refs(document: dict[str, object], restricted: ResourceScope) -> dict[str, object]:
    kept: dict[str, object] = {}
    for names, field in ((_BY_NAME, "name"), (_BY_REF, "ref")):
        for listed_in in names:
            if listed_in in document:
                kept[listed_in] = [item for item in _items(document[listed_in]) if _covers(restricted, item.get(field))]
    return kept


def _object(document: object) -> dict[str, object]:
    if not isinstance(document, dict):
        raise Unusable
    return document


def _items(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _covers(restricted: ResourceScope, name: object) -> bool:
    return isinstance(name, str) and restricted.covers_tag(name)


def _is_granted(path: object, resource: ResourceScope) -> bool:
    """Folders are covered like files: their names tell as much."""
    return isinstance(path, str) and resource.covers_file(path)

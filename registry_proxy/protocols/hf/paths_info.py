"""Which paths a client asks about at once. What the hub gets is written anew from what was read and is covered."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import unquote_to_bytes, urlencode

from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.hf.strict import a_list, a_path, malformed, only, read_object

MAX_PATHS = 20_000  # a form of 1 MiB holds no more of any length that clients have
_FORM, _JSON = b"application/x-www-form-urlencoded", b"application/json"
_BOOLEANS = frozenset({"true", "True", "false", "False"})  # httpx and requests write them otherwise


def read_paths(asked: Asked) -> None:
    """Raises Unclassified. Paths that the grant does not cover are none, as in every listing."""
    kind = (asked.head.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind not in (_FORM, _JSON):
        raise malformed("neither a form nor JSON")
    paths, more = _read_form(asked.body or b"") if kind == _FORM else _read_json(asked.body or b"")
    resource = asked.resource(asked.classified.wanted[0])
    covered = [path for path in map(a_path, paths) if not resource.files or resource.covers_file(path)]
    if paths and not covered:
        asked.classified = replace(asked.classified, upstream_target=b"")  # answered here: there is none of them
        return
    document = {"paths": covered, **more}
    asked.body = (urlencode(document, doseq=True) if kind == _FORM else json.dumps(document)).encode("ascii")


def _read_form(body: bytes) -> tuple[list[str], dict[str, object]]:
    paths: list[str] = []
    more: dict[str, object] = {}
    for item in body.split(b"&") if body else ():
        name, _, value = item.partition(b"=")
        text = _decoded(value)
        if name == b"paths" and len(paths) < MAX_PATHS:
            paths.append(text)
        elif name == b"expand" and text in _BOOLEANS and not more:
            more["expand"] = text
        else:
            raise malformed("a field other than paths and expand")
    return paths, more


def _decoded(value: bytes) -> str:
    try:
        return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise malformed("a path that is not UTF-8") from exc


def _read_json(body: bytes) -> tuple[list[str], dict[str, object]]:
    document = only(read_object(body), ("paths",), ("expand",))
    if not isinstance(document.get("expand", False), bool):
        raise malformed("a value of expand that it cannot have")
    paths = a_list(document.pop("paths"), MAX_PATHS)
    return paths, document

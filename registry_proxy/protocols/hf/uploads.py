"""The hub's answers to writes, without any address that leads past the gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.documents import read_document
from registry_proxy.protocols.hf.administering import MADE, made_answer
from registry_proxy.protocols.hf.listings import Unusable
from registry_proxy.protocols.hf.names import PREFIX
from registry_proxy.protocols.hf.seals import LASTS_S, Sealer, UploadPlace, new_nonce
from registry_proxy.protocols.hf.strict import LARGEST
from registry_proxy.protocols.hf.writes import MAX_FILES, MAX_PARTS

ANSWERED = frozenset({"preupload", "commit", "lfs-batch", "lfs-verify"}) | MADE
_SHA = re.compile(r"[0-9a-f]{40}")
_DISCUSSION = re.compile(r".*/discussions/([0-9]{1,9})")
_MODES = frozenset({"lfs", "regular"})
_TAKEN = frozenset({200, 201, 204})


def answer_for(asked: Asked, body: bytes, sealer: Sealer) -> Answer:
    """The same answer in our words. Raises Unusable."""
    try:
        document = read_document(body) if asked.classified.route != "lfs-verify" else {}
        if not isinstance(document, dict):
            raise Unusable
        match asked.classified.route:
            case "preupload":
                return json_answer({"files": [_file(item) for item in document["files"]]})
            case "commit":
                return json_answer(_commit(asked, document))
            case "lfs-batch":
                return json_answer(_batch(asked, document, sealer))
            case route if route in MADE:
                return made_answer(page_of(asked), document)
            case _:
                return json_answer({})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise Unusable from exc


def taken(status: int) -> bool:
    """Did a store take the bytes?"""
    return status in _TAKEN


def _file(item: dict[str, object]) -> dict[str, object]:
    mode, path = item["uploadMode"], item["path"]
    if mode not in _MODES or not isinstance(path, str):
        raise Unusable
    told: dict[str, object] = {"path": path, "uploadMode": mode, "shouldIgnore": item.get("shouldIgnore") is True}
    return told | {"oid": item["oid"]} if isinstance(item.get("oid"), str) else told


def _ours(asked: Asked) -> str:
    return f"{asked.facts.origin.decode('ascii')}/{PREFIX}/{asked.classified.target}"


def page_of(asked: Asked) -> str:
    """The repository's page as the client would name it."""
    kind, _, name = asked.classified.repository.partition("/")
    return f"{_ours(asked)}/{name if kind == 'models' else asked.classified.repository}"


def _commit(asked: Asked, document: dict[str, object]) -> dict[str, object]:
    commit = document["commitOid"]
    if not isinstance(commit, str) or not _SHA.fullmatch(commit):
        raise Unusable
    asked.notes["commit"] = commit
    told: dict[str, object] = {"success": True, "commitOid": commit, "commitUrl": f"{page_of(asked)}/commit/{commit}"}
    found = _DISCUSSION.fullmatch(str(document.get("pullRequestUrl", "")))
    return told | {"pullRequestUrl": f"{page_of(asked)}/discussions/{found[1]}"} if found else told


def _batch(asked: Asked, document: dict[str, object], sealer: Sealer) -> dict[str, object]:
    objects = document["objects"]
    if not isinstance(objects, list) or document.get("transfer", "basic") not in ("basic", "multipart"):
        raise Unusable
    # With their sizes: the addresses that are made depend on them.
    wanted = {(item["oid"], item["size"]) for item in json.loads(asked.body or b"{}")["objects"]}
    if len(objects) > MAX_FILES or not all((item["oid"], item["size"]) in wanted for item in objects):
        raise Unusable
    told = [_object(asked, item, sealer) for item in objects]
    return {"transfer": document.get("transfer", "basic"), "objects": told}


def _object(asked: Asked, item: dict[str, object], sealer: Sealer) -> dict[str, object]:
    oid, size = item["oid"], item["size"]
    if not isinstance(oid, str) or type(size) is not int:
        raise Unusable
    told: dict[str, object] = {"oid": oid, "size": size}
    if "error" in item:
        return told | {"error": {"code": 422, "message": "The hub does not take this object."}}
    actions = item.get("actions")
    if not actions:
        return told
    if not isinstance(actions, dict):
        raise Unusable

    def ours(url: str, method: str, bytes_: int, part: int, parts: int) -> str:
        place = UploadPlace(
            url, method, asked.token or "", asked.classified.repository, oid, bytes_, asked.now + LASTS_S, new_nonce(),
            part, parts,
        )  # fmt: skip
        return f"{_ours(asked)}/lfs/{sealer.seal(place, asked.classified.target)}"

    rewritten: dict[str, object] = {"upload": _upload(actions["upload"], size, ours)}
    if "verify" in actions:
        rewritten["verify"] = {"href": _verify(asked)}
    return told | {"actions": rewritten}


def _upload(action: dict[str, object], size: int, ours: Callable[[str, str, int, int, int], str]) -> dict[str, object]:
    """One place for the whole, or one for each part and one for the list of them."""
    href, header = action["href"], action.get("header") or {}
    if not isinstance(href, str) or not isinstance(header, dict):
        raise Unusable
    if "chunk_size" not in header:
        return {"href": ours(href, "PUT", size, 0, 0)}
    chunk = int(str(header["chunk_size"]))
    names = [name for name in header if name.isdecimal()]
    # Counted first: a small answer must not make a long list.
    if not 0 < chunk <= LARGEST or -(-size // chunk) != len(names) or len(names) > MAX_PARTS:
        raise Unusable
    if set(names) != {str(number) for number in range(1, len(names) + 1)}:
        raise Unusable
    if not all(isinstance(header[name], str) for name in names):
        raise Unusable
    parts = {
        name: ours(header[name], "PUT", min(chunk, size - (int(name) - 1) * chunk), int(name), len(names))
        for name in names
    }
    return {"href": ours(href, "POST", 0, 0, len(names)), "header": {"chunk_size": str(chunk), **parts}}


def _verify(asked: Asked) -> str:
    """At the address that git-lfs gives it, whatever the hub wrote: the hub's own token goes along."""
    return _ours(asked) + asked.classified.upstream_target.decode("ascii").removesuffix("/batch") + "/verify"

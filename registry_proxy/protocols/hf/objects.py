"""Large files that a commit names by their digest alone.

A hub keeps them for the whole repository. Who may read a part of it only, and write, could have a digest from elsewhere
committed to what they may read, and so read what they may not. They commit what they brought themselves. So does whom
a rule refuses kinds of files: else bytes of a refused name would get another name without ever being seen here.
"""

from __future__ import annotations

import base64
import json
import re

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Pin, Pinned, Preparation, Prepared
from registry_proxy.protocols.hf.errors import GATED, error_answer
from registry_proxy.protocols.hf.seals import UploadPlace

BROUGHT = "lfs:"
MAX_ASKED = 500  # what the control plane takes at once
_NOT_BROUGHT = (
    "Under a grant for a part of a repository, large files are committed that were uploaded under the same grant. "
    "Ask for push alone, or for the whole repository."
)
_RENAMED = (
    "A rule refuses some kinds of files by name, so large files are committed that were uploaded under the same grant: "
    "what the hub had before may have had such a name."
)
# What git takes for a large file: a small one that says so.
_POINTER = re.compile(rb"oid sha256:([0-9a-f]{64})")
_OTHER_ALPHABET = str.maketrans("-_", "+/")


def bring(asked: Asked, place: UploadPlace, answer: Answer) -> Preparation:
    """The store took the bytes, all of them: this grant may commit the object."""
    if not place.part:
        yield Pin(place.repository, {f"{BROUGHT}{place.oid}": asked.facts.exchange_id})
    return Prepared(answer=answer)


def check_objects(asked: Asked) -> Preparation:
    """Refuse objects that this grant did not bring, where it matters."""
    resource = asked.resource(asked.classified.wanted[0])
    reads_a_part = not resource.is_whole and Operation.PULL in resource.operations
    if not reads_a_part and not asked.admitted().view.refused_files:
        return Prepared()
    reason, words = (
        (Reason.FILE_NOT_GRANTED, _NOT_BROUGHT) if reads_a_part else (Reason.FILE_TYPE_REFUSED, _RENAMED)
    )  # fmt: skip
    names = sorted({f"{BROUGHT}{oid}" for oid in _named_by(asked.body or b"")})
    for begin in range(0, len(names), MAX_ASKED):
        some = names[begin : begin + MAX_ASKED]
        learned = yield Pin(resource.repository, dict.fromkeys(some, ""))
        if not isinstance(learned, Pinned) or not set(some) <= learned.names.keys():
            return Prepared(reason, error_answer(403, reason, words, code=GATED))
    return Prepared()


def _named_by(body: bytes) -> list[str]:
    """Of a body that was read strictly before."""
    items = [json.loads(line) for line in body.removesuffix(b"\n").split(b"\n")]
    found = [item["value"]["oid"] for item in items if item["key"] == "lfsFile"]
    return [*found, *(oid for item in items if item["key"] == "file" for oid in _pointed(item["value"]["content"]))]


def _pointed(content: str) -> list[str]:
    try:
        data = base64.b64decode(content.translate(_OTHER_ALPHABET) + "==")
    except ValueError:
        return []
    return [oid.decode("ascii") for oid in _POINTER.findall(data)] if b"git-lfs" in data[:256] else []

"""Large files that a commit names by their digest alone.

A hub keeps them for the whole repository. Who may read a part of it only, and write, could have a digest from elsewhere
committed to what they may read, and so read what they may not. They commit what they brought themselves.
"""

from __future__ import annotations

import json

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Pin, Pinned, Preparation, Prepared
from registry_proxy.protocols.hf.errors import GATED, error_answer

BROUGHT = "lfs:"
MAX_ASKED = 500  # what the control plane takes at once
_NOT_BROUGHT = (
    "Under a grant for a part of a repository, large files are committed that were uploaded under the same grant. "
    "Ask for push alone, or for the whole repository."
)


def check_objects(asked: Asked) -> Preparation:
    """Refuse objects that this grant did not bring, where it matters."""
    resource = asked.resource(asked.classified.wanted[0])
    if resource.is_whole or Operation.PULL not in resource.operations:
        return Prepared()
    names = sorted({f"{BROUGHT}{oid}" for oid in _named_by(asked.body or b"")})
    for begin in range(0, len(names), MAX_ASKED):
        some = names[begin : begin + MAX_ASKED]
        learned = yield Pin(resource.repository, dict.fromkeys(some, ""))
        if not isinstance(learned, Pinned) or not set(some) <= learned.names.keys():
            answer = error_answer(403, Reason.FILE_NOT_GRANTED, _NOT_BROUGHT, code=GATED)
            return Prepared(Reason.FILE_NOT_GRANTED, answer)
    return Prepared()


def _named_by(body: bytes) -> list[str]:
    """Of a body that was read strictly before."""
    items = [json.loads(line) for line in body.removesuffix(b"\n").split(b"\n")]
    return [item["value"]["oid"] for item in items if item["key"] == "lfsFile"]

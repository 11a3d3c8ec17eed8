"""JSON of registries, read with a bound: what can be read can also be written again.

Python reads deeper than it writes, so a document near the interpreter's own limit would come in and fail on its way
out, where nobody expects it any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable

MAX_DEPTH = 64  # the deepest that a registry was seen to send is below ten

Hook = Callable[[dict[str, object]], object]


def read_document(text: bytes | str, *, each_object: Hook | None = None) -> object:
    """Raises ValueError for what is no JSON, and for what is nested too deep."""
    try:
        document: object = json.loads(text, object_hook=each_object)
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [inner for item in level for inner in _inside(item) if isinstance(inner, dict | list)]
        if not level:
            return document
    raise ValueError("nested too deep")


def _inside(item: object) -> list[object]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []

"""Bodies that decide: JSON objects read strictly, each field once, and none that its route does not know.

What is not known here could be known to the server behind: another spelling of a name (`modelId`), a field of a later
release. So it is refused and not dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.refusals import Unclassified

Shape = Callable[[object], bool]
Fields = Mapping[str, object]


def text(limit: int = 1000) -> Shape:
    """A string of at most so many characters."""
    return lambda value: isinstance(value, str) and len(value) <= limit


def number(value: object) -> bool:
    """What JSON calls a number, or the words by which protobuf writes those that JSON lacks."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number or value in ("NaN", "Infinity", "-Infinity")


def flag(value: object) -> bool:
    """True or false."""
    return isinstance(value, bool)


def words(*allowed: str) -> Shape:
    """One of these."""
    return lambda value: isinstance(value, str) and value in allowed


def objects(limit: int, **shapes: Shape) -> Shape:
    """A list of at most so many objects with these fields and no other."""
    return lambda value: isinstance(value, list) and len(value) <= limit and all(_fits(item, shapes) for item in value)


def read_object(body: bytes, shapes: Mapping[str, Shape]) -> dict[str, object]:
    """The body's fields. Raises Unclassified."""
    try:
        # By hand: `json.loads` would take UTF-16 too, and the server behind might not.
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise _malformed("The body is not plain JSON with each field once.") from exc
    if not isinstance(found, dict):
        raise _malformed("The body is not a JSON object.")
    if unknown := sorted(set(found) - set(shapes)):
        raise _malformed(f"The gateway does not know the field {unknown[0][:40]!r} of this request.")
    for name, value in found.items():
        if not shapes[name](value):
            raise _malformed(f"The gateway cannot take this value of {name!r}.")
    return found


def _fits(item: object, shapes: Mapping[str, Shape]) -> bool:
    return isinstance(item, dict) and set(item) <= set(shapes) and all(shapes[key](item[key]) for key in item)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse(word: str) -> object:
    raise ValueError(word)


def _malformed(sentence: str) -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, sentence)

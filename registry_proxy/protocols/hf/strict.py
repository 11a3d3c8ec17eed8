"""Bodies of writes, read with one meaning or not at all: the same bytes go on to the hub."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.hf.names import is_canonical
from registry_proxy.protocols.refusals import Unclassified

# Other readers of lines end them at more characters than at a line feed, and JSON needs no other control character.
_FOREIGN = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2\x85|\xe2\x80[\xa8\xa9]")
_OID = re.compile(r"[0-9a-f]{64}")
LARGEST = 2**50


def malformed(words: str) -> Unclassified:
    """A body that could mean two things, or something else than a client of hubs says."""
    return Unclassified(400, Reason.MALFORMED_REQUEST, f"The gateway could not read this without doubt: {words}.")


def read_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in which no key comes twice. Raises Unclassified."""
    if _FOREIGN.search(raw):
        raise malformed("a control character")
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise malformed("no plain JSON") from exc
    if not isinstance(document, dict):
        raise malformed("no JSON object")
    return document


def only(item: object, needed: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """An object with these keys, all of the first and none beside both. Raises Unclassified."""
    if not isinstance(item, dict) or not set(needed) <= item.keys() <= {*needed, *optional}:
        raise malformed(f"keys other than {', '.join(needed)}")
    return item


def a_list(item: object, most: int) -> list[Any]:
    """Raises Unclassified."""
    if not isinstance(item, list) or len(item) > most:
        raise malformed(f"no list of at most {most}")
    return item


def a_path(item: object) -> str:
    """A file's path as everybody reads it. Raises Unclassified."""
    if not isinstance(item, str) or not item or len(item) > 1000 or not is_canonical(item) or "\\" in item:
        raise malformed("a path that is not in canonical form")
    return item


def an_oid(item: object) -> str:
    """SHA-256 in hexadecimal. Raises Unclassified."""
    if not isinstance(item, str) or not _OID.fullmatch(item):
        raise malformed("an object id that is none")
    return item


def a_size(item: object) -> int:
    """Bytes of an object. Raises Unclassified."""
    if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item <= LARGEST:
        raise malformed("a size that is none")
    return item


def a_text(item: object, most: int) -> str:
    """Raises Unclassified."""
    if not isinstance(item, str) or len(item) > most:
        raise malformed(f"no text of at most {most} characters")
    return item


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(word: str) -> object:
    raise ValueError(word)

"""Query strings and form bodies: decoded once, each key once, nothing that needs guessing."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote, unquote_to_bytes

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_TEXT = re.compile(rb"[\x20-\x7e]*")
MAX_PAIRS = 64


class QueryError(Exception):
    """The query or the form has no single meaning."""


def parse_pairs(raw: bytes, *, repeatable: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """Decoded pairs in their order. Raises QueryError on repeats, bad escapes and bytes that are not plain text."""
    if not raw:
        return ()
    pairs: list[tuple[str, str]] = []
    seen: set[str] = set()
    for item in raw.split(b"&"):
        name, _, value = item.partition(b"=")
        key, text = _decode(name), _decode(value)
        if not key or (key in seen and key not in repeatable):
            raise QueryError(f"the key {key!r} is empty or comes twice")
        seen.add(key)
        pairs.append((key, text))
    if len(pairs) > MAX_PAIRS:
        raise QueryError("there are too many keys")
    return tuple(pairs)


def _decode(raw: bytes) -> str:
    if _BAD_ESCAPE.search(raw):
        raise QueryError("an escape is broken")
    decoded = unquote_to_bytes(raw.replace(b"+", b" "))
    if not _TEXT.fullmatch(decoded):
        raise QueryError("it holds control or foreign characters")
    return decoded.decode("ascii")


def render_pairs(pairs: Collection[tuple[str, str]]) -> bytes:
    """The one spelling in which we forward a query that we judged."""
    return "&".join(f"{quote(key, safe='-')}={quote(value, safe=':/')}" for key, value in pairs).encode("ascii")

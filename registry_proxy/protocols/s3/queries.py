"""The query of an S3 request: decoded once, each key once, as UTF-8. It is signed, so there is one spelling for it.

A plus sign is refused: SigV4 takes it for itself, forms take it for a space, and stores do either.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.refusals import Unclassified

Pairs = tuple[tuple[str, str], ...]

MAX_PAIRS = 32
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse_query(raw: str) -> Pairs:
    """Decoded pairs in their order. Raises Unclassified for whatever has a second reading."""
    if not raw:
        return ()
    items = raw.split("&")
    if len(items) > MAX_PAIRS or "+" in raw or _BAD_ESCAPE.search(raw):
        raise _unreadable()
    pairs = tuple((_decode(name), _decode(value)) for name, _, value in (item.partition("=") for item in items))
    keys = [key for key, _ in pairs]
    if "" in keys or len({key.lower() for key in keys}) != len(keys):
        raise _unreadable()
    return pairs


def _decode(raw: str) -> str:
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise _unreadable() from exc
    if _CONTROL.search(text):
        raise _unreadable()
    return text


def _unreadable() -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, "The query of this request has more than one reading.")

"""Reads `WWW-Authenticate`. A registry names its token service there, so this is where it could send us astray."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEADER_CHARS = 4096
# RFC 9110 11.6.1, reduced to what registries send: schemes with comma-separated name="value" parameters.
_PART = re.compile(
    r'\s*,?\s*(?:(?P<scheme>Basic|Bearer)(?:\s+|$)|(?P<name>[A-Za-z_]+)\s*=\s*(?:"(?P<quoted>[^"\\]*)"|(?P<word>[^\s,"]+)))',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """How the registry wants to be asked: `realm` and `service` matter for bearer only."""

    is_bearer: bool
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str) -> Challenge | None:
    """The strongest challenge we can answer (bearer before basic), or None."""
    if len(header) > MAX_HEADER_CHARS:
        return None
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while match := _PART.match(header, position):
        position = match.end()
        if match["scheme"]:
            found.append((match["scheme"].lower(), {}))
        elif found:
            found[-1][1].setdefault(match["name"].lower(), match["quoted"] if match["word"] is None else match["word"])
    offers = dict(found)
    if "bearer" in offers and offers["bearer"].get("realm"):
        asked = offers["bearer"]
        return Challenge(True, asked["realm"], asked.get("service", ""), asked.get("scope", ""))
    return Challenge(False) if "basic" in offers else None

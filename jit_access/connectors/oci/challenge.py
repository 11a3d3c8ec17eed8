"""Reads `WWW-Authenticate`. A registry names its token service there, so this is where it could send us astray."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

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


def path_on(origin: str, url: str) -> str | None:
    """The path and query of a URL when it is on that very origin (or relative to its root), else None."""
    if any(ord(char) <= 32 or ord(char) == 127 or char == "\\" for char in url):
        return None
    try:
        parts, home = urlsplit(url), urlsplit(origin)
        is_home = _origin_of(parts) == _origin_of(home)
    except ValueError:
        return None
    is_relative = not parts.scheme and not parts.netloc and url.startswith("/") and not url.startswith("//")
    if not (is_relative or is_home) or parts.username is not None or parts.fragment:
        return None
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def find_place(origins: Iterable[str], url: str) -> tuple[str, str] | None:
    """The first origin that a URL is on, and its path there, or None. A relative URL is on the first one."""
    for origin in origins:
        path = path_on(origin, url)
        if path is not None:
            return origin, path
    return None


def _origin_of(parts: SplitResult) -> tuple[str, str, int | None]:
    scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    return scheme, host, port or {"http": 80, "https": 443}.get(scheme)

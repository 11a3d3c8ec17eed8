"""Addresses that a target names in its answers: followed on the origins that we know, as paths, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit


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

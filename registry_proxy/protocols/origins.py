"""Base URLs taken apart once, and compared as origins."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, lower-case host without brackets, port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> bytes:
        """As it stands in a Host field: brackets for IPv6, no default port."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return (name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}").encode("ascii")

    @property
    def is_tls(self) -> bool:
        """True for https."""
        return self.scheme == "https"


def parse_url(url: str) -> tuple[Origin, str]:
    """Origin and the path with its query.

    Raises: ValueError for another scheme, user info, a fragment, foreign characters or a missing host.
    """
    if not url.isascii() or any(character <= " " or character in '\\"<>\x7f' for character in url):
        raise ValueError("the URL holds characters that must be encoded")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError("the URL is not plain http or https")
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    path = parts.path or "/"
    return Origin(parts.scheme, parts.hostname.lower(), port), f"{path}?{parts.query}" if parts.query else path

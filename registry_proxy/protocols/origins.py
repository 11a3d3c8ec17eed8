"""URLs taken apart once, and compared as origins.

A host that two readers could take for two places is refused here: `2852039166`, `0xa9.0376.43518` and `169.254.169.254`
are one address to the C library, and three names to everybody else.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?")
# WHATWG URL, "ends in a number": a last label like this makes some readers parse the whole host as an IPv4 address.
_NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\Z")

_WITHOUT_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)|(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[/?]|\Z)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, lower-case host without brackets, port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As operators write it: no default port."""
        return f"{self.scheme}://{self.authority.decode('ascii')}"

    @property
    def authority(self) -> bytes:
        """As it stands in a Host field: brackets for IPv6, no default port."""
        return _authority(self.scheme, self.host, self.port)

    @property
    def is_tls(self) -> bool:
        """True for https."""
        return self.scheme == "https"


@lru_cache(maxsize=256)
def _authority(scheme: str, host: str, port: int) -> bytes:
    name = f"[{host}]" if ":" in host else host
    return (name if port == _PORTS[scheme] else f"{name}:{port}").encode("ascii")


def parse_url(url: str) -> tuple[Origin, str]:
    """Origin and the path with its query.

    Raises: ValueError for another scheme, user info, a fragment, foreign characters, a missing or a doubtful host.
    """
    _check_characters(url)
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or "@" in parts.netloc or "#" in url:
        raise ValueError("the URL is not plain http or https")
    host = (parts.hostname or "").lower()
    if "[" in parts.netloc and ":" not in host:
        raise ValueError("brackets are for IPv6")
    _check_host(host)
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    if not port:
        raise ValueError("no service listens at port 0")
    path = parts.path or "/"
    return Origin(parts.scheme, host, port), f"{path}?{parts.query}" if parts.query else path


def parse_origin(text: str) -> Origin:
    """`scheme://host[:port]` and nothing more. Raises ValueError."""
    origin, path = parse_url(text)
    if path != "/" or "?" in text:
        raise ValueError("an origin has no path")
    return origin


def parse_reference(base: str, reference: bytes) -> tuple[Origin, str]:
    """A Location as the peer wrote it, against the URL it came from. Raises ValueError.

    The reference is checked before it is joined: `urljoin` drops tabs, and would make another host of `a<tab>.b`.
    """
    text = reference.decode("ascii")
    _check_characters(text)
    if not text or _WITHOUT_HOST.match(text):
        raise ValueError("no host where one belongs: some readers take what follows for a path, some for a place")
    return parse_url(urljoin(base, text))


def _check_characters(url: str) -> None:
    if not url.isascii() or any(character <= " " or character in '\\"<>\x7f' for character in url):
        raise ValueError("the URL holds characters that must be encoded")


def _check_host(host: str) -> None:
    if ":" in host:
        ipaddress.IPv6Address(host)
        if "%" in host:
            raise ValueError("an address with a zone means something on one machine only")
    elif _NUMERIC_END.search(host):
        ipaddress.IPv4Address(host)
    elif not _NAME.fullmatch(host):
        raise ValueError("the URL has no host that can be looked up")

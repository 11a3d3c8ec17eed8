"""Where the gateway is: `JIT_ADDR`, or what `jit login ADDRESS` kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from jit_access.cli.files import config_folder, read_private, write_private
from jit_access.cli.troubles import Exit, Trouble

CONFIG = "config.json"
_YES = frozenset({"1", "true", "yes"})


class Site(NamedTuple):
    """One gateway: its address without a path, and a file with the authority it is believed by ("": the system's)."""

    address: str
    ca_file: str = ""

    @property
    def is_tls(self) -> bool:
        return self.address.startswith("https://")

    @property
    def host(self) -> str:
        """Host and port, as in the address."""
        return self.address.partition("://")[2]


def read_site(given: str = "") -> Site:
    """The gateway to speak to. Raises: Trouble when none is named, or tokens would travel in clear."""
    kept = read_private(config_folder() / CONFIG)
    address = given or os.environ.get("JIT_ADDR", "") or _text(kept, "address")
    if not address:
        raise Trouble("No gateway is named.", Exit.USAGE, advice="jit login https://jit.example.com, or set JIT_ADDR")
    ca_file = os.environ.get("JIT_CA_FILE", "")
    site = make_site(address, ca_file)
    if not ca_file and site.address == _text(kept, "address"):
        return site._replace(ca_file=_text(kept, "ca_file"))
    return site


def make_site(address: str, ca_file: str = "") -> Site:
    """A checked address. Raises: Trouble."""
    text = address.strip() if "://" in address else f"https://{address.strip()}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    is_odd = parts.username is not None or parts.query or parts.fragment or parts.path not in {"", "/"}
    if parts.scheme not in {"http", "https"} or not host or is_odd or not text.isprintable() or " " in text:
        raise Trouble(
            f"{address!r} is not the address of a gateway. Write https://host or https://host:port.", Exit.USAGE
        )
    if parts.scheme == "http" and not _is_loopback(host) and os.environ.get("JIT_ALLOW_HTTP", "").lower() not in _YES:
        raise Trouble(
            f"{address} is not encrypted, and it is not this machine: a token sent there could be read on the way.",
            Exit.USAGE,
            advice="Use https://, or set JIT_ALLOW_HTTP=1 where the network itself is trusted",
        )
    shown = f"[{host}]" if ":" in host else host
    return Site(f"{parts.scheme}://{shown}{f':{port}' if port is not None else ''}", ca_file)


def keep_site(site: Site) -> None:
    """What later commands use when nothing else is said."""
    kept = dict(read_private(config_folder() / CONFIG))
    wanted = kept | {"address": site.address, "ca_file": site.ca_file}
    if wanted != kept:
        write_private(config_folder() / CONFIG, wanted)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _text(kept: Mapping[str, object], name: str) -> str:
    value = kept.get(name, "")
    return value if isinstance(value, str) else ""

"""Whom an address belongs to, as far as counting goes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Whom to count together: an IPv4 address, or the /64 that one IPv6 host can choose from freely.

    A socket that serves both families shows IPv4 clients as `::ffff:a.b.c.d`; they must not become one network.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((parsed, 64), strict=False))
        return str(parsed.ipv4_mapped)
    return str(parsed)


def parse_network(text: str) -> str:
    """A network in its one spelling: `10.0.0.0/8`, `2001:db8::/32`, or one address as `192.0.2.7/32`.

    Raises: ValueError, with a sentence, for what is no network, for one with bits of a host, and for everywhere: who
    means everywhere leaves the list empty.
    """
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
        given = ipaddress.ip_interface(text.strip())
    except ValueError:
        raise ValueError(f"{text.strip()[:50]} is no network. Write it as 10.0.0.0/8 or 2001:db8::/32.") from None
    if given.ip != network.network_address:
        raise ValueError(
            f"{given} is one address in {network}. Write {network}, or {given.ip}/{network.max_prefixlen}."
        )
    if network.prefixlen == 0:
        raise ValueError("That is everywhere. Leave the list empty for that.")
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError("Write an IPv4 network as one.")
    return str(network)


def is_within(address: str, networks: Iterable[str]) -> bool:
    """True when this address is in one of these networks. What is no address is in none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(_contains(ipaddress.ip_network(text), parsed) for text in networks)


def _contains(network: Network, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return network.version == address.version and address in network

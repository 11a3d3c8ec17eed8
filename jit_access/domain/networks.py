"""Whom an address belongs to, as far as counting goes."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


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

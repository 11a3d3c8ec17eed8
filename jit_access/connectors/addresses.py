"""Which network addresses a target may have. Asked after the name is resolved, right before connecting.

A check of the name alone is no check: a name may resolve to the metadata service, and to something else a second
later. So the address that was checked is the address that is used.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# RFC 6052: an IPv4 address in the last 32 bits, reachable through a translator.
_NAT64 = IPv6Network("64:ff9b::/96")
# Metadata services outside the link-local ranges (AWS, Alibaba, Oracle) and Azure's wire server: some of them count as
# private, some as public. The proxy keeps the same list.
_METADATA_V6 = IPv6Network("fd00:ec2::/32")
_METADATA_V4 = frozenset(map(IPv4Address, ("100.100.100.200", "192.0.0.192", "168.63.129.16")))
_THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122 3.2.1.3; Linux takes 0.0.0.0 for itself


def resolve(host: str, port: int) -> tuple[Address, ...]:
    """All addresses of a name, in the resolver's order. Raises OSError when there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return tuple(ip_address(text) for text in texts)


def is_usable(address: Address, *, allow_private: bool) -> bool:
    """May a target be there? Link-local, metadata, multicast, unspecified: never. Private ones: on request."""
    plain = _unwrap(address)
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return False
    if isinstance(plain, IPv4Address):
        is_never = plain.is_reserved or plain in _METADATA_V4 or plain in _THIS_NETWORK
    else:
        is_never = plain in _METADATA_V6
    if is_never:
        return False
    if plain.is_global:
        return True
    return allow_private and (plain.is_private or plain.is_loopback)


def _unwrap(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address

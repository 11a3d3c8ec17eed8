"""Which addresses the gateway connects to. The check is on the address that is dialled, not on the name.

A name that is checked and dialled separately can change in between (DNS rebinding), so we dial what we checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.origins import Origin
from registry_proxy.upstream.failure import UpstreamError, away

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# Cloud metadata over IPv6 hides in a private range (AWS: fd00:ec2::254), so allow_private must not open it.
_METADATA_V6 = ipaddress.IPv6Network("fd00:ec2::/32")
# Alibaba's and Oracle's metadata and Azure's wire server stand outside 169.254/16; two of them count as public.
_METADATA_V4 = frozenset(map(ipaddress.IPv4Address, ("100.100.100.200", "192.0.0.192", "168.63.129.16")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")  # RFC 1122 3.2.1.3; Linux takes 0.0.0.0 for itself


def is_open(address: IPAddress, *, allow_private: bool) -> bool:
    """True when this address may be dialled. Link-local, multicast and reserved ones never are."""
    address = _unwrapped(address)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_reserved and not address.is_loopback:  # ::1 counts as both
        return False
    if isinstance(address, ipaddress.IPv6Address):
        is_never = address in _METADATA_V6 or address.is_site_local
    else:
        is_never = address in _METADATA_V4 or address in _THIS_NETWORK
    return not is_never and (address.is_global or allow_private)


def _unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


async def resolve(origin: Origin, *, allow_private: bool) -> list[str]:
    """Addresses of the origin that may be dialled, in the resolver's order.

    Raises: UpstreamError when the name is unknown, or one of its addresses is closed to us: one bad address among
    good ones is a name that somebody else plays with.
    """
    try:
        found = [ipaddress.ip_address(origin.host)]
    except ValueError:
        found = await look_up(origin.host, origin.port)
    if not found or not all(is_open(address, allow_private=allow_private) for address in found):
        raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED, place=str(origin))
    return [str(address) for address in found]


async def look_up(host: str, port: int) -> list[IPAddress]:
    """What the system's resolver says. Raises UpstreamError when it knows nothing."""
    loop = asyncio.get_running_loop()
    try:
        answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise away() from exc
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]

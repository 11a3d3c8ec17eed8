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
_METADATA = ipaddress.IPv6Network("fd00:ec2::/32")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_open(address: IPAddress, *, allow_private: bool) -> bool:
    """True when this address may be dialled. Link-local, multicast and reserved ones never are."""
    address = _unwrapped(address)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_reserved and not address.is_loopback:  # ::1 counts as both
        return False
    if isinstance(address, ipaddress.IPv6Address) and address in _METADATA:
        return False
    return address.is_global or allow_private


def _unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def resolve(origin: Origin, *, allow_private: bool) -> list[str]:
    """Addresses of the origin that may be dialled, in the resolver's order.

    Raises: UpstreamError when the name is unknown, or every address is closed to us.
    """
    try:
        found = [ipaddress.ip_address(origin.host)]
    except ValueError:
        found = await _look_up(origin)
    opened = [str(address) for address in found if is_open(address, allow_private=allow_private)]
    if not opened:
        raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED)
    return opened


async def _look_up(origin: Origin) -> list[IPAddress]:
    loop = asyncio.get_running_loop()
    try:
        answers = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise away() from exc
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]

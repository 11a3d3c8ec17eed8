"""How many wrong passwords one may type for a name, and who is counted together.

django-axes counts by (name, address). What it takes for the address is made here: a device that is known for the name
counts alone, whatever network it is in; everybody else counts by network. So a stranger's typing locks the stranger's
network out of that name, not the person. Above that all strangers together have a budget for a name, so that many
networks are not many budgets; a known device is no stranger and does not wait for it.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.networks import network_of

STRANGERS_LIMIT: Final = 50  # wrong passwords for one name from all unknown devices within the time of a lock
# No address to listen on: what has no readable address counts as one.
_UNKNOWN: Final = "0.0.0.0"  # noqa: S104  # nosec B104
# Unique local addresses (RFC 4193) are never a client's here: a tag for devices that fits where addresses are kept.
_DEVICES: Final = "fd"


def count_by_device(request: HttpRequest, device: str) -> None:
    """From here on this request counts under a device's own address."""
    address = ipaddress.IPv6Address(bytes.fromhex(f"{_DEVICES}{device}"))
    request.guesses_count_for = str(address)  # type: ignore[attr-defined]  # read by `counted_address`


def counted_address(request: HttpRequest) -> str:
    """What django-axes takes for the client's address (AXES_CLIENT_IP_CALLABLE)."""
    device: str = getattr(request, "guesses_count_for", "")
    if device:
        return device
    network = network_of(str(request.META.get("REMOTE_ADDR", "")))
    return network.partition("/")[0] or _UNKNOWN


def is_locked(request: HttpRequest, name: str) -> bool:
    """True when this client has used up its wrong passwords for this name."""
    locked: bool = AxesProxyHandler.is_locked(request, {"username": name})
    # Its middleware would replace our page by a text of its own.
    request.axes_locked_out = False  # type: ignore[attr-defined]  # set and read by django-axes
    return locked


def are_strangers_locked(name: str) -> bool:
    """True when unknown devices together have used up theirs. Refused tries are not counted, so it ends by itself."""
    since = clock.now() - settings.AXES_COOLOFF_TIME
    recent = AccessAttempt.objects.filter(username=name, attempt_time__gt=since)
    strangers = recent.exclude(ip_address__startswith=_DEVICES)
    return (strangers.aggregate(Sum("failures_since_start"))["failures_since_start__sum"] or 0) >= STRANGERS_LIMIT


def own_bucket(user: User) -> str:
    """Where the guesses of somebody count who is signed in as this person already: in all sessions together."""
    return user.public_id.encode().hex()[:30].ljust(30, "0")

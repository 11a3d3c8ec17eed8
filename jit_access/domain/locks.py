"""The kill switch as a fact: what a lock names, and what rests on it. Pure, so that preview and enforcement agree.

A lock names one axis and one thing on it. A grant, a request, a session or a sign-in stands on a `Ground`: everything
that somebody could lock to stop it. Whether one covers the other is decided here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LockAxis(StrEnum):
    """What a lock can name."""

    CREDENTIAL = "credential"  # one token of a grant, or the trust in one workload
    GRANT = "grant"
    SESSION = "session"  # one signed-in browser
    PERSON = "person"  # and the service accounts they answer for
    DEVICE = "device"
    AGENT = "agent"  # a service account
    TARGET = "target"
    RESOURCE = "resource"  # one repository at a target
    TIER = "tier"  # everything that counts as this serious


@dataclass(frozen=True, slots=True)
class LockFacts:
    """One lock without its story. `key` is a public id, or the name of a tier.

    `resource` is the name of a repository, or the hash of a device.
    """

    axis: LockAxis
    key: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What something rests on, as public ids. `nests`: names at this target lie within one another, as in a store."""

    grants: frozenset[str] = frozenset()  # a grant and those that it extends
    accounts: frozenset[str] = frozenset()  # who holds it, and who answers for them
    sessions: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()  # hashes: whoever removes a device from a list keeps it locked
    target: str = ""
    resources: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    nests: bool = False
    credentials: frozenset[str] = frozenset()  # a token and the trust that it was got under; not those of a grant


def covers(lock: LockFacts, ground: Ground) -> bool:
    """True when this lock stops whatever stands on that ground. A lock on one token stops that token alone."""
    if not lock.key:
        return False
    if lock.axis is LockAxis.RESOURCE:
        return lock.key == ground.target and any(_overlap(lock.resource, name, ground) for name in ground.resources)
    if lock.axis is LockAxis.DEVICE:
        return bool(lock.resource) and lock.resource in ground.devices
    held: dict[LockAxis, frozenset[str]] = {
        LockAxis.CREDENTIAL: ground.credentials,
        LockAxis.GRANT: ground.grants,
        LockAxis.SESSION: ground.sessions,
        LockAxis.PERSON: ground.accounts,
        LockAxis.AGENT: ground.accounts,
        LockAxis.TARGET: frozenset({ground.target}),
        LockAxis.TIER: ground.tiers,
    }
    return lock.key in held.get(lock.axis, frozenset())


def _overlap(locked: str, name: str, ground: Ground) -> bool:
    """A locked bucket stops grants on its folders, and a locked folder stops grants on its bucket."""
    if locked == name:
        return True
    return ground.nests and (name.startswith(f"{locked}/") or locked.startswith(f"{name}/"))

"""Locks as tests place them: by Dora, who just proved her second factor."""

from __future__ import annotations

from typing import Any

from jit_access.accounts.models import User
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.locks.models import Lock
from jit_access.locks.services import LockOrder
from tests.support.lifecycles import World, fresh

WHY = "Her laptop was stolen on the train"
HOUR = 3600


def order(axis: LockAxis, key: str, resource: str = "", **changes: Any) -> LockOrder:
    facts: dict[str, Any] = {"label": key, "reason": WHY, "lasts_s": HOUR}
    return LockOrder(LockFacts(axis, key, resource), **(facts | changes))


def place(by: User, axis: LockAxis, key: str, resource: str = "", **changes: Any) -> Lock:
    return grants.place_lock(actor=by, order=order(axis, key, resource, **changes), assurance=fresh())


def lift(by: User, lock: Lock) -> Lock:
    return grants.lift_lock(actor=by, lock=lock, assurance=fresh(), note="Found again")


def facts_of(axis: LockAxis, grant: Grant, world: World) -> tuple[str, str]:
    """The key and resource with which a lock on this axis names this grant of Ada's (or her bot's)."""
    return {
        LockAxis.GRANT: (grant.public_id, ""),
        LockAxis.SESSION: (grant.started_in, ""),
        LockAxis.DEVICE: ("dev_ada", grant.started_on),
        LockAxis.PERSON: ((grant.subject.owner or grant.subject).public_id, ""),
        LockAxis.AGENT: (grant.subject.public_id, ""),
        LockAxis.TARGET: (world.target.public_id, ""),
        LockAxis.RESOURCE: (world.target.public_id, grant.scope[0]["repository"]),
        LockAxis.TIER: ("standard", ""),
    }[axis]

"""Reads of locks. Whether one stands is a comparison with the database's clock, each time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Q, QuerySet

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.locks import Ground, LockAxis, covers
from jit_access.domain.reasons import Reason
from jit_access.locks.models import Lock

_SENTENCES: dict[LockAxis, str] = {
    LockAxis.CREDENTIAL: "The security team locked this token, or the workload that it is for. Ask them.",
    LockAxis.GRANT: "The security team locked this grant. Ask them.",
    LockAxis.SESSION: "The security team locked this session. Ask them.",
    LockAxis.PERSON: "The security team locked this account for now. Ask them.",
    LockAxis.DEVICE: "The security team locked this device. Ask them.",
    LockAxis.AGENT: "The security team locked this service account. Ask them.",
    LockAxis.TARGET: "The security team locked this target. Ask them.",
    LockAxis.RESOURCE: "The security team locked this repository. Ask them.",
    LockAxis.TIER: "The security team locked everything that is this sensitive. Ask them.",
}


def standing_locks() -> tuple[Lock, ...]:
    """Every lock that stops something at this moment. One query while there is none."""
    rows = tuple(Lock.objects.filter(lifted_at=None, ran_out_at=None).order_by("pk"))
    if not rows:
        return ()
    now = clock.now()
    return tuple(lock for lock in rows if lock.stands_at(now))


def locks_on(ground: Ground, standing: Iterable[Lock] | None = None) -> tuple[Lock, ...]:
    """The locks that stop what stands on this ground."""
    return tuple(lock for lock in (standing_locks() if standing is None else standing) if covers(lock.facts, ground))


def ground_of_account(account: User) -> Ground:
    """An account and, for a service account, whoever answers for it."""
    owner = () if account.owner is None else (account.owner.public_id,)
    return Ground(accounts=frozenset({account.public_id, *owner}))


def refusal_by(locks: Iterable[Lock]) -> PolicyRefusal | None:
    """The refusal to raise, or None. It says which thing of the asker is locked, never why or by whom."""
    first = next(iter(locks), None)
    return None if first is None else refusal_of(first)


def refusal_of(lock: Lock) -> PolicyRefusal:
    """What whoever is stopped by this lock is told."""
    return PolicyRefusal(Reason.LOCKED, _SENTENCES[LockAxis(lock.axis)], locked=str(lock.axis))


def refuse_locked(ground: Ground) -> None:
    """Raises: PolicyRefusal (locked) when anything that this rests on is locked."""
    if (refusal := refusal_by(locks_on(ground))) is not None:
        raise refusal


def locked_accounts() -> frozenset[str]:
    """The public ids of accounts that are locked now: they neither act nor count."""
    axes = {LockAxis.PERSON, LockAxis.AGENT}
    return frozenset(lock.key for lock in standing_locks() if lock.axis in axes)


def ends_at(locks: Iterable[Lock]) -> datetime | None:
    """When the last of these runs out by itself; None when somebody has to lift one."""
    ends = [lock.until for lock in locks]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def list_standing() -> QuerySet[Lock]:
    """For the page: what is locked now, soonest end first, those without one last."""
    now = clock.now()
    rows = Lock.objects.filter(lifted_at=None, ran_out_at=None).filter(Q(until=None) | Q(until__gt=now))
    return rows.select_related("placed_by").order_by(F("until").asc(nulls_last=True), "-pk")


def list_over() -> QuerySet[Lock]:
    """For the page: what was locked, newest first."""
    now = clock.now()
    over = Q(lifted_at__isnull=False) | Q(ran_out_at__isnull=False) | Q(until__lte=now)
    return Lock.objects.filter(over).select_related("placed_by").order_by("-placed_at", "-pk")

"""What a grant or a request rests on, so that locks can be compared with it. Read as it is now, each time."""

from __future__ import annotations

from collections.abc import Iterable

from jit_access.accounts.models import User
from jit_access.domain.locks import Ground, LockAxis
from jit_access.domain.operations import Tier
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.grants.models import Grant
from jit_access.locks.models import Lock
from jit_access.locks.selectors import ground_of_account, locks_on, standing_locks
from jit_access.targets.models import Target, TargetKind
from jit_access.targets.tiers import tiers_of

LONGEST_CHAIN = 100  # extensions of extensions; a bound, not a limit anybody meets


def locks_of(grant: Grant, standing: Iterable[Lock] | None = None) -> tuple[Lock, ...]:
    """The locks that stop this grant as a whole. One query while nothing is locked."""
    rows = standing_locks() if standing is None else tuple(standing)
    return locks_on(_ground_of(grant), rows) if rows else ()


def locks_of_asking(actor: User, target: Target, scope: Scope) -> tuple[Lock, ...]:
    """The locks that stop this account from asking for this."""
    rows = standing_locks()
    if not rows:
        return ()
    account = ground_of_account(actor)
    names = tuple(part.repository for part in scope.resources)
    return locks_on(
        Ground(
            accounts=account.accounts,
            target=target.public_id,
            resources=frozenset(names),
            tiers=_tiers(target, names),
            nests=target.kind == TargetKind.S3,
        ),
        rows,
    )


def lease_locks(standing: Iterable[Lock], lease_ids: Iterable[str]) -> dict[str, Lock]:
    """By token of a grant, the lock on it that stands longest."""
    wanted = frozenset(lease_ids)
    found: dict[str, Lock] = {}
    for lock in standing:
        if lock.axis == LockAxis.CREDENTIAL and lock.key in wanted:
            found[lock.key] = _longer(found.get(lock.key), lock)
    return found


def _longer(one: Lock | None, other: Lock) -> Lock:
    if one is None or other.until is None:
        return other
    return one if one.until is None or one.until >= other.until else other


def _ground_of(grant: Grant) -> Ground:
    names = tuple(part.repository for part in parse_scope(grant.scope).resources)
    chain = _chain(grant)
    return Ground(
        grants=frozenset(one.public_id for one in chain),
        accounts=ground_of_account(grant.subject).accounts,
        sessions=frozenset(one.started_in for one in chain) - {""},
        devices=frozenset(one.started_on for one in chain) - {""},
        target=grant.target.public_id,
        resources=frozenset(names),
        tiers=_tiers(grant.target, names),
        nests=grant.target.kind == TargetKind.S3,
    )


def _chain(grant: Grant) -> list[Grant]:
    """The grant and what it extends: who locked one of them, or where it began, means the access and not the row.

    Tokens move to an extension, so one that a stolen device holds is not got rid of by extending from another.
    """
    found, older = [grant], grant.extends
    while older is not None and len(found) < LONGEST_CHAIN:
        found.append(older)
        older = older.extends
    return found


def _tiers(target: Target, names: Iterable[str]) -> frozenset[str]:
    wanted = tuple(names)
    known = tiers_of(target, wanted)
    return frozenset(str(known.get(name, Tier.CRITICAL)) for name in wanted)

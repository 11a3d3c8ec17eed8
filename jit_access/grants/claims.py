"""Entitlements and the claims on them, read and written under the entitlements' row locks.

Grants of one subject on one target share entitlements. The locks are taken in one order (by id), so that two ends
cannot wait for each other, and the last release decides what is removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from jit_access.domain.claims import Claim as ClaimFact
from jit_access.domain.claims import entitlements_to_remove
from jit_access.domain.scopes import parse_scope
from jit_access.grants.models import Claim, Entitlement, Grant


def claim_scope(grant: Grant) -> tuple[Entitlement, ...]:
    """Claim one entitlement for each operation on each repository of the grant. Idempotent; inside a transaction."""
    wanted = [
        (part.repository, str(operation))
        for part in parse_scope(grant.scope).resources
        for operation in sorted(part.operations)
    ]
    Entitlement.objects.bulk_create(
        [
            Entitlement(subject_id=grant.subject_id, target_id=grant.target_id, resource=name, operation=operation)
            for name, operation in wanted
        ],
        ignore_conflicts=True,
    )
    held = Entitlement.objects.select_for_update().filter(
        subject_id=grant.subject_id, target_id=grant.target_id, resource__in={name for name, _ in wanted}
    )
    claimed = tuple(item for item in held.order_by("pk") if (item.resource, item.operation) in wanted)
    Claim.objects.bulk_create([Claim(entitlement=item, grant=grant) for item in claimed], ignore_conflicts=True)
    return claimed


def claimed_by(grant_id: int) -> tuple[Entitlement, ...]:
    """What a grant has not let go of yet, locked in the common order."""
    held = Entitlement.objects.select_for_update().filter(
        pk__in=Claim.objects.filter(grant_id=grant_id, released_at=None).values("entitlement_id")
    )
    return tuple(held.order_by("pk"))


def held_by_nobody_else(grant_id: int, held: Iterable[Entitlement]) -> frozenset[int]:
    """Which of these locked entitlements go when this grant lets go."""
    rows = Claim.objects.filter(entitlement__in=[item.pk for item in held])
    facts = [ClaimFact(row.entitlement_id, row.grant_id, row.released_at is None) for row in rows]
    return entitlements_to_remove(grant_id, facts)


def release(grant_id: int, *, at: datetime) -> None:
    """Let go of everything. Only with the entitlements locked by `claimed_by`."""
    Claim.objects.filter(grant_id=grant_id, released_at=None).update(released_at=at)

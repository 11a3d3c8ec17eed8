"""Grants are claims on entitlements: what exists at a target goes only when the last live claim on it ends.

Every open-source peer removes the access when the *first* of two overlapping grants ends (AWS TEAM #104, #279;
Glide #88). The decision is pure here; the caller takes the row lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One grant's hold on one entitlement."""

    entitlement_id: int
    grant_id: int
    is_live: bool


def entitlements_to_remove(ending_grant_id: int, claims: Iterable[Claim]) -> frozenset[int]:
    """Entitlements that nobody holds once `ending_grant_id` lets go.

    `claims` are all claims on the entitlements that the ending grant holds, read under their row locks.
    """
    held: set[int] = set()
    wanted_by_others: set[int] = set()
    for claim in claims:
        if claim.grant_id == ending_grant_id:
            held.add(claim.entitlement_id)
        elif claim.is_live:
            wanted_by_others.add(claim.entitlement_id)
    return frozenset(held - wanted_by_others)

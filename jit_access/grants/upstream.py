"""What a grant means at the target itself, by way of the connectors.

An OCI registry knows nothing of our grants: the gateway injects its own credential, so there is nothing to make or to
remove, and no connection is opened. Kinds that hold accounts or roles of their own are listed as brokered.
"""

from __future__ import annotations

from collections.abc import Iterable

from jit_access.connectors.base import EntitlementFacts
from jit_access.connectors.registry import connected
from jit_access.grants.models import Entitlement, Grant
from jit_access.targets.endpoints import endpoint_of
from jit_access.targets.models import Target

BROKERED_KINDS: frozenset[str] = frozenset()


def has_work_at(target_id: int) -> bool:
    """True when ending a grant there means calling the target."""
    return bool(BROKERED_KINDS) and Target.objects.filter(pk=target_id, kind__in=BROKERED_KINDS).exists()


def ensure_access(grant: Grant, entitlements: Iterable[Entitlement]) -> None:
    """Make what is missing at the target. A repeat is a no-op. Raises: PeerError."""
    if grant.target.kind in BROKERED_KINDS:
        with connected(grant.target.kind, endpoint_of(grant.target)) as connector:
            for item in entitlements:
                connector.ensure_access(_facts(grant, item))


def remove_access(grant: Grant, entitlements: Iterable[Entitlement]) -> None:
    """Remove it from the target. What is gone already counts as removed. Raises: PeerError."""
    if grant.target.kind in BROKERED_KINDS:
        with connected(grant.target.kind, endpoint_of(grant.target)) as connector:
            for item in entitlements:
                connector.remove_access(_facts(grant, item))


def _facts(grant: Grant, item: Entitlement) -> EntitlementFacts:
    return EntitlementFacts(grant.subject.public_id, item.resource, item.operation)

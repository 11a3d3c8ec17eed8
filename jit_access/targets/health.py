"""Asks a target whether it is there and takes our credential, and remembers the answer."""

from __future__ import annotations

from jit_access.audit.recorder import audited
from jit_access.connectors.base import Endpoint
from jit_access.connectors.registry import connected
from jit_access.core import clock
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.targets.models import Target, TargetHealth


def try_endpoint(kind: str, endpoint: Endpoint) -> None:
    """Reach it and prove the credential. Raises PeerError. Never call this inside a transaction: it waits."""
    with connected(kind, endpoint) as connector:
        connector.check()


def note_health(target: Target, failure: GatewayError | None, *, actor: ActorRef) -> None:
    """Remember what a check found. Only a change is worth a record; a check each minute would bury the log."""
    health, reason = health_of(failure), str(failure.reason) if failure else ""
    with audited(actor=actor) as audit:
        held = Target.objects.select_for_update().filter(pk=target.pk).first()
        if held is None:
            return
        if (held.health, held.health_reason) != (health, reason):
            detail = {"health": str(health), "was": held.health}
            audit.record("target.health-changed", target=held.slug, reason=reason, detail=detail)
        held.health, held.health_reason, held.checked_at = health, reason, clock.now()
        held.save(update_fields=["health", "health_reason", "checked_at"])
    target.health, target.health_reason, target.checked_at = held.health, held.health_reason, held.checked_at


def health_of(failure: GatewayError | None) -> TargetHealth:
    """The one word for what a check found."""
    if failure is None:
        return TargetHealth.REACHABLE
    return TargetHealth.REFUSED if failure.reason is Reason.UPSTREAM_REFUSED_CREDENTIAL else TargetHealth.AWAY

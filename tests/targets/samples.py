"""Targets as operators describe them: valid by default."""

from __future__ import annotations

import json

from jit_access.audit.models import AuditEntry
from jit_access.core.secret import Secret
from jit_access.targets.addressing import NewTarget
from tests.connectors.real_registry import USERNAME, RealRegistry


def new_target(registry: RealRegistry, **changed: object) -> NewTarget:
    """The registry as a target called prod-registry."""
    fields: dict[str, object] = {
        "slug": "prod-registry",
        "display_name": "Production weights",
        "base_url": registry.base_url,
        "username": USERNAME,
        "password": Secret(registry.password),
        "allow_private": True,
    }
    return NewTarget(**{**fields, **changed})  # type: ignore[arg-type]


def records() -> list[dict[str, object]]:
    """What this room wrote to the log, oldest first."""
    bodies = AuditEntry.objects.filter(kind__regex=r"^(target|repository)\.").order_by("seq")
    return [json.loads(body) for body in bodies.values_list("body", flat=True)]


def kinds() -> list[object]:
    return [record["kind"] for record in records()]

"""Who may read which record. The only way from an id to a record: hidden and unknown look the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import NotFound

Ids = Iterable[str] | QuerySet[Any]  # a list, or a query of one column


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who reads. The floors above say which accounts, requests and grants are the viewer's own."""

    actor_ids: Ids
    can_see_all: bool
    requests: Ids = ()
    grants: Ids = ()


def visible_entries(viewer: Viewer) -> QuerySet[AuditEntry]:
    """Everything for security and auditors. Else: what one did, and what was done with one's own access."""
    if viewer.can_see_all:
        return AuditEntry.objects.all()
    own = Q(actor_id__in=viewer.actor_ids) | Q(request__in=viewer.requests) | Q(grant__in=viewer.grants)
    return AuditEntry.objects.filter(own)


def get_record(viewer: Viewer, record_id: str) -> AuditEntry:
    """Raises: NotFound."""
    entry = visible_entries(viewer).filter(record_id=record_id).first()
    if entry is None:
        raise NotFound
    return entry

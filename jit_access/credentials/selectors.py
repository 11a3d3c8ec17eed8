"""Reads of credential leases."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from jit_access.credentials.models import CredentialLease
from jit_access.domain.lifecycle import LIVE_LEASE_STATES, LeaseState


def live_leases(*, grant_id: int, now: datetime) -> QuerySet[CredentialLease]:
    """Tokens that open something now, oldest first."""
    return CredentialLease.objects.filter(grant_id=grant_id, state__in=LIVE_LEASE_STATES, valid_until__gt=now).order_by(
        "created_at", "pk"
    )


def leases_of(*, grant_id: int) -> QuerySet[CredentialLease]:
    """Every token a grant ever had, newest first."""
    return CredentialLease.objects.filter(grant_id=grant_id).order_by("-created_at", "-pk")


def due_for_rotation(*, now: datetime, limit: int) -> list[int]:
    """Leases whose scheduled rotation is due, longest overdue first."""
    due = CredentialLease.objects.filter(
        state=LeaseState.ISSUED, rotate_after__lte=now, valid_until__gt=now, rotated_to=None, sealed_token=""
    )
    return list(due.order_by("rotate_after", "pk").values_list("pk", flat=True)[:limit])

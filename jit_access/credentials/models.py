"""Credential leases: one short-lived token each, bound to one grant, stored as a hash."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from jit_access.core.models import StatefulModel
from jit_access.domain.lifecycle import LeaseState


class CredentialLease(StatefulModel):
    """A token of a grant. It never outlives the grant; a rotated one lives on only for the stated overlap."""

    ID_PREFIX = "lse"

    grant = models.ForeignKey("grants.Grant", on_delete=models.PROTECT, related_name="leases")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=20, default=LeaseState.INTENT)
    label = models.CharField(max_length=80, blank=True)
    token_id = models.CharField(max_length=16, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    valid_until = models.DateTimeField()
    rotated_to = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="rotated_from")
    rotate_after = models.DateTimeField(null=True)  # null: only on demand
    sealed_token = models.TextField(blank=True)  # a successor made by schedule waits here to be collected once
    collected_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in LeaseState]), name="lease_state_known"),
            models.CheckConstraint(condition=~Q(rotated_to=F("id")), name="lease_not_its_own_successor"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "valid_until"], name="lease_due")]

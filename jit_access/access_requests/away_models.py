"""Who answers for whom, and who is away: both from one instant until another, never for ever."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from jit_access.core.models import PublicModel


class Delegation(PublicModel):
    """One person lets another answer requests for them. It gives nothing else, and is never handed on."""

    ID_PREFIX = "dlg"

    delegator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_held")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # taken back before its time

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="delegation_has_a_length"),
            models.CheckConstraint(condition=~Q(delegate=F("delegator")), name="delegation_to_somebody_else"),
        ]


class Absence(PublicModel):
    """Out of office: this person may still answer, and is not told of requests."""

    ID_PREFIX = "out"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_has_a_length")
        ]


class OnCallShift(PublicModel):
    """Who is on call for what, as operators keep it; rules may approve by it."""

    ID_PREFIX = "ocs"

    schedule = models.CharField(max_length=60)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="on_call_shifts")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # replaced before its time

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="shift_has_a_length")
        ]
        indexes: ClassVar = [models.Index(fields=["schedule", "ends_at"], name="shift_of_schedule")]

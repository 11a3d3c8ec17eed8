"""What belongs to service accounts: whom one is offered to, and tokens that follow one another."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from jit_access.core.models import PublicModel


class HandoverOutcome(models.TextChoices):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class AgentHandover(PublicModel):
    """An offer to answer for a service account. Nobody is given one: it counts when the other person accepts."""

    ID_PREFIX = "hnd"

    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers")
    offered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="offered_agents")
    note = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, blank=True, choices=HandoverOutcome.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["agent"], condition=Q(closed_at__isnull=True), name="one_open_handover_per_agent"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, outcome="")
                | Q(closed_at__isnull=False, outcome__in=HandoverOutcome.values),
                name="closed_handover_has_an_outcome",
            ),
        ]


class ApiTokenFamily(PublicModel):
    """API tokens that follow one another by schedule. What only one holder can do is counted here.

    `used_generation` is the newest that anybody has shown us; one that is older, seen later, has a second holder.
    """

    ID_PREFIX = "fam"

    rotates_every_s = models.PositiveIntegerField()
    overlap_s = models.PositiveIntegerField()
    ends_at = models.DateTimeField()
    newest_generation = models.PositiveIntegerField(default=1)
    used_generation = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()  # when the next generation is made
    collected_at = models.DateTimeField(null=True)  # when the newest one was handed out; null while it waits
    collections = models.PositiveSmallIntegerField(default=0)  # of the newest generation
    locked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(used_generation__lte=F("newest_generation")), name="no_generation_used_before_it_is_made"
            ),
        ]

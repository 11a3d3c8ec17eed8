"""Locks, and what each of them stopped."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from jit_access.core.models import PublicModel
from jit_access.domain.locks import LockAxis, LockFacts


class Lock(PublicModel):
    """One axis and one thing on it, stopped from `placed_at` to `until` or to its lifting, whichever is first.

    It ends by comparison. `ran_out_at` is book-keeping: by then the sweep has noticed.
    """

    ID_PREFIX = "lck"

    axis = models.CharField(max_length=12, choices=[(axis, axis) for axis in LockAxis])
    key = models.CharField(max_length=60)  # public id, or the name of a tier
    resource = models.CharField(max_length=200, blank=True)  # name of a repository, or hash of a device
    label = models.CharField(max_length=300)  # what it is called, as it was when the lock was placed
    reason = models.CharField(max_length=300)
    placed_at = models.DateTimeField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    placed_by_name = models.CharField(max_length=120)
    until = models.DateTimeField(null=True)  # exclusive; null: until somebody lifts it
    lifted_at = models.DateTimeField(null=True)
    lifted_by_name = models.CharField(max_length=120, blank=True)
    lift_note = models.CharField(max_length=300, blank=True)
    ran_out_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(axis__in=[axis.value for axis in LockAxis]), name="lock_axis_known"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("placed_at")), name="lock_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True) | Q(ran_out_at__isnull=True), name="lock_ends_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["axis", "key"], condition=Q(lifted_at__isnull=True, ran_out_at__isnull=True), name="lock_stands"
            )
        ]

    @property
    def version(self) -> int:
        """A lock moves once: it is lifted, or the sweep notices that it ran out."""
        return 1 if self.lifted_at is None and self.ran_out_at is None else 2

    @property
    def facts(self) -> LockFacts:
        """What it names, as the domain compares it."""
        return LockFacts(LockAxis(self.axis), self.key, self.resource)

    def stands_at(self, now: datetime) -> bool:
        """True while it stops anything. Half-open, no leeway."""
        return self.lifted_at is None and (self.until is None or now < self.until)


class LockHit(models.Model):
    """One grant that a lock stopped. Kept for ever: it is what the lock did."""

    lock = models.ForeignKey(Lock, on_delete=models.PROTECT, related_name="hits")
    grant_id = models.CharField(max_length=40)  # public id: grants live above this room
    hit_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["lock", "grant_id"], name="lock_hits_once")]

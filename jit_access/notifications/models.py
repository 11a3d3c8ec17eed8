"""What people are told. The row is the truth; channels deliver copies of it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jit_access.core.models import PublicModel


class Notification(PublicModel):
    """One message to one person. `path` is an address, never a right."""

    ID_PREFIX = "ntf"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    path = models.CharField(max_length=200, blank=True)
    dedupe_key = models.CharField(max_length=120)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "dedupe_key"], name="told_once_per_person")]


class Alert(PublicModel):
    """One loud message to a place, not a person. Who carries it there keeps rows of their own."""

    ID_PREFIX = "alt"

    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    path = models.CharField(max_length=200, blank=True)
    dedupe_key = models.CharField(max_length=120, unique=True)

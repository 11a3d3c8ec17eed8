"""What was answered to whom under which key of theirs, for a day (ADR 0037)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jit_access.core.models import PublicModel


class KeyedAnswer(PublicModel):
    """One use of an Idempotency-Key. Without a status it still runs, or nobody knows how it ended."""

    ID_PREFIX = "idk"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=80)
    fingerprint = models.CharField(max_length=64)  # keyed hash of method, path and body
    running_until = models.DateTimeField()  # whoever has not answered by then never will
    status = models.PositiveSmallIntegerField(null=True)
    made = models.CharField(max_length=40, blank=True)  # public id of what was made, where the answer names it
    sealed_answer = models.TextField(blank=True)  # empty with a status: it held a secret, which is shown once
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key")]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="keyed_answer_old")]

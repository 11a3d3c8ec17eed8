"""Where each agent is told, and what was sent there with what outcome."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jit_access.core.models import PublicModel


class Webhook(PublicModel):
    """One address of one agent. Its secret is sealed; after a rotation the old one signs beside it for a day."""

    ID_PREFIX = "whk"

    agent = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="webhook")
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    url = models.CharField(max_length=500)
    sealed_secret = models.TextField()
    sealed_old_secret = models.TextField(blank=True)
    old_until = models.DateTimeField(null=True)  # exclusive
    failing_since = models.DateTimeField(null=True)  # the first failure after the last success
    disabled_at = models.DateTimeField(null=True)
    disabled_because = models.CharField(max_length=60, blank=True)  # reason code


class Delivery(PublicModel):
    """One message. Its public id is its `webhook-id`: the same at each attempt, so that a receiver can drop repeats."""

    ID_PREFIX = "msg"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    kind = models.CharField(max_length=40)
    body = models.TextField()  # exactly what is signed and sent
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)  # a worker is at it until then
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=40, blank=True)  # of the last attempt: a status, or why there was none

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(sent_at__isnull=True, given_up_at__isnull=True),
                name="delivery_due",
            ),
            models.Index(fields=["created_at"], name="delivery_old"),
        ]

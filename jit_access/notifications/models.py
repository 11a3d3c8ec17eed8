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


class SlackLink(models.Model):
    """A person's own Slack account, by the two ids that never change. A name or an address never links anybody.

    Waiting until the person has confirmed, in a session with a fresh second factor, which Slack account sent the code.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="slack_link")
    team_id = models.CharField(max_length=20)
    slack_user_id = models.CharField(max_length=20)
    slack_name = models.CharField(max_length=120)  # as Slack said when the code came; shown, never compared
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team_id", "slack_user_id"],
                condition=models.Q(confirmed_at__isnull=False),
                name="slack_account_linked_once",
            )
        ]


class SlackLinkCode(models.Model):
    """A one-time code that a person takes from our page into Slack. Only its hash is kept."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()


class TargetRoute(models.Model):
    """Who hears of requests at a target: a Slack conversation, or a person. Hearing gives no right to answer."""

    target = models.ForeignKey("targets.Target", on_delete=models.CASCADE, related_name="routes")
    channel = models.CharField(max_length=20, blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    is_escalation = models.BooleanField(default=False)  # only when nobody has answered for long

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["target", "channel", "is_escalation"], condition=~models.Q(channel=""), name="route_to_channel"
            ),
            models.UniqueConstraint(fields=["target", "person", "is_escalation"], name="route_to_person"),
            models.CheckConstraint(
                condition=models.Q(channel="", person__isnull=False)
                | (~models.Q(channel="") & models.Q(person__isnull=True)),
                name="route_leads_to_one",
            ),
        ]

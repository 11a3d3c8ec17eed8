"""What should stand in Slack, what was sent there, and what came from there. Rows first; the network comes later."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from jit_access.core.models import PublicModel


class Outgoing(PublicModel):
    """What every row on its way to Slack has. `claimed_until` keeps two workers from sending one row at once."""

    place = models.CharField(max_length=20)  # id of a conversation, or of a person, who gets it directly
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Card(Outgoing):
    """The card of one request in one place. `wanted` grows with each change; `shown` is what Slack has.

    Only the newest state is ever sent, drawn from the request when it is sent: late is fine, old is not.
    """

    ID_PREFIX = "crd"

    request = models.ForeignKey("access_requests.AccessRequest", on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=20, blank=True)  # where Slack put it
    ts = models.CharField(max_length=30, blank=True)  # Slack's name for the message
    wanted = models.PositiveIntegerField(default=1)
    shown = models.PositiveIntegerField(default=0)
    unsure_since = models.DateTimeField(null=True)  # it was sent and no answer came: it may be there already

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "place"], name="one_card_per_request_and_place")
        ]


class Note(Outgoing):
    """One message that is said once: an alert, a reminder under a card, a word to whoever clicked."""

    ID_PREFIX = "nte"

    subject = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    path = models.CharField(max_length=200, blank=True)  # in our pages; an address, never a right
    only_for = models.CharField(max_length=20, blank=True)  # a Slack user id: nobody else sees it
    under = models.ForeignKey(Card, null=True, on_delete=models.CASCADE, related_name="+")
    dedupe_key = models.CharField(max_length=160, unique=True)
    sent_at = models.DateTimeField(null=True)


class ClickAction(models.TextChoices):
    APPROVE = "approve"
    DENY = "deny"
    OPEN_DENY = "open-deny"  # the window that asks for the reason; changes nothing
    LINK = "link"


class Click(models.Model):
    """What somebody did in Slack, taken in once. `key` is made of Slack's own id of that act: the replay memory."""

    key = models.CharField(max_length=64, unique=True)
    action = models.CharField(max_length=10, choices=ClickAction)
    slack_user_id = models.CharField(max_length=20)
    channel = models.CharField(max_length=20, blank=True)
    request_id = models.CharField(max_length=40, blank=True)
    payload_hash = models.CharField(max_length=64, blank=True)
    text = models.CharField(max_length=1000, blank=True)  # the reason of a denial; of a link the code's hash
    received_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=60, blank=True)  # a reason code

    class Meta:
        indexes: ClassVar = [models.Index(fields=["done_at", "next_attempt_at"], name="click_due")]

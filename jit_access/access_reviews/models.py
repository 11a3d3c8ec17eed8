"""Reviews: is it still right that these people are in these groups? Answered one by one, by somebody else."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jit_access.core.models import PublicModel, StatefulModel
from jit_access.domain.lifecycle import CampaignState


class Undecided(models.TextChoices):
    """What becomes, at the deadline, of what nobody decided. Never nothing."""

    PROPOSE = "propose", "Ask security to revoke it"
    REVOKE = "revoke", "Revoke it"
    KEEP = "keep", "Keep it, and say so"


class Decision(models.TextChoices):
    """`PROPOSED` waits for security; everything else but `OPEN` is final."""

    OPEN = "open", "Not decided"
    KEPT = "kept", "Kept"
    REVOKED = "revoked", "Revoked"
    PROPOSED = "proposed", "Revocation proposed"
    KEPT_UNREVIEWED = "kept-unreviewed", "Kept without a review"
    GONE = "gone", "Not a member any more"


class ReviewCampaign(StatefulModel):
    """One review of the members of some groups, up to a deadline."""

    ID_PREFIX = "rvc"

    title = models.CharField(max_length=160)
    groups = models.JSONField()  # names
    reviewers = models.CharField(max_length=160)  # a word of policies.asked: a group, or manager
    undecided = models.CharField(max_length=10, choices=Undecided, default=Undecided.PROPOSE)
    state = models.CharField(max_length=10, choices=[(one.value, one.value) for one in CampaignState])
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    deadline = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    policy_number = models.PositiveIntegerField()  # by which the facts of the items were found
    record_id = models.CharField(max_length=40)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=[one.value for one in CampaignState]), name="review_campaign_state_known"
            )
        ]


class ReviewItem(PublicModel):
    """One account in one group, and what that lets it do by policy."""

    ID_PREFIX = "rvi"

    campaign = models.ForeignKey(ReviewCampaign, on_delete=models.PROTECT, related_name="items")
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    group = models.CharField(max_length=150)
    may_ask = models.JSONField(default=list)  # rules that ask for this group
    approves = models.JSONField(default=list)  # rules whose approvals this group gives
    role = models.CharField(max_length=40, blank=True, default="")  # of the product: security, auditors, operators
    decision = models.CharField(max_length=16, choices=Decision, default=Decision.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True, default="")
    record_id = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "subject", "group"], name="review_item_once"),
            models.CheckConstraint(
                condition=Q(decision__in=[one.value for one in Decision]), name="review_item_decision_known"
            ),
        ]

"""Grants, the entitlements they claim, and the claims between them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value

from jit_access.core.models import StatefulModel
from jit_access.domain.lifecycle import GrantState


class Grant(StatefulModel):
    """A time-boxed entitlement of one subject. Its clock starts at activation; it ends by comparison, not by a task."""

    ID_PREFIX = "grt"

    request = models.OneToOneField("access_requests.AccessRequest", on_delete=models.PROTECT, related_name="grant")
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants")
    target = models.ForeignKey("targets.Target", on_delete=models.PROTECT, related_name="grants")
    scope = models.JSONField()  # domain.scopes wire form
    lasts_s = models.PositiveIntegerField()
    start_by = models.DateTimeField()  # must be activated before this
    not_before = models.DateTimeField(null=True)  # and not before this; null: at once
    state = models.CharField(max_length=20, default=GrantState.SCHEDULED)
    rule = models.CharField(max_length=200, blank=True)  # ids of the policy rules that opened it
    factor_max_age_s = models.PositiveIntegerField(default=0)  # freshness asked at activation; 0: none
    proved_level = models.PositiveSmallIntegerField(default=0)  # by its holder, when they started it; 0 before
    started_in = models.CharField(max_length=40, blank=True, db_default="", default="")  # id of the session
    started_on = models.CharField(max_length=64, blank=True, db_default="", default="")  # hash of the device
    is_break_glass = models.BooleanField(default=False, db_default=False)
    is_held = models.BooleanField(default=False, db_default=False)  # paused by hand: no lock's end lets it go on
    # Public id of the envelope in which it was agreed on before anybody asked; else people, a rule or nobody agreed.
    envelope = models.CharField(max_length=40, blank=True, db_default="", default="", db_index=True)
    staleness = models.CharField(max_length=12, default="strict")
    byte_budget = models.BigIntegerField(default=0)  # 0: none
    request_budget = models.BigIntegerField(default=0, db_default=0)  # 0: none
    # Words of domain.file_rules, sorted.
    refused_files = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)
    risk = models.PositiveSmallIntegerField(default=0)
    extends = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="extended_by")
    activated_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)  # exclusive; set at activation
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=60, blank=True)  # reason code
    end_note = models.CharField(max_length=300, blank=True)  # what the person who ended it wrote
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    exposed_since = models.DateTimeField(null=True)  # set while revoke_failed
    revoke_attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)  # a worker is at it until then

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in GrantState]), name="grant_state_known"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("activated_at")),
                name="grant_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(not_before__isnull=True)
                | Q(activated_at__isnull=True)
                | Q(activated_at__gte=F("not_before")),
                name="grant_starts_not_before",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["active", "suspended"]) | Q(valid_until__isnull=False),
                name="active_grant_has_an_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "valid_until"], name="grant_due"),
            models.Index(fields=["subject", "state"], name="grant_of_subject"),
        ]


class Entitlement(models.Model):
    """What exists, or would exist, at a target for one subject: one operation on one resource."""

    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey("targets.Target", on_delete=models.PROTECT, related_name="+")
    resource = models.CharField(max_length=200)
    operation = models.CharField(max_length=20)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject", "target", "resource", "operation"], name="entitlement_once")
        ]


class Claim(models.Model):
    """One grant's hold on one entitlement. The entitlement goes when its last live claim is released."""

    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="claims")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="claims")
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["entitlement", "grant"], name="claim_once")]


class ClosedTicket(models.Model):
    """A ticket that its system said is closed. What stands on it ends, and nothing more is asked for with it."""

    ticket = models.CharField(max_length=60, unique=True)  # in lower case
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

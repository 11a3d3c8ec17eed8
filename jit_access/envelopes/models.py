"""What an agent may have without asking people again, who signed that, and what of it is used."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from jit_access.core.models import PublicModel, StatefulModel
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.envelopes.hours import Hours


class Envelope(StatefulModel):
    """Approved beforehand: one agent, some repositories of one target, for so long, so much and so often.

    `payload` is made by the server from ids and is what people sign by its hash. Each time that people are asked, for
    the approval and for every review, is a *round* with a payload of its own; the limits are the same in all of them.
    """

    ID_PREFIX = "env"

    name = models.CharField(max_length=80)
    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="envelopes")
    proposer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey("targets.Target", on_delete=models.PROTECT, related_name="+")
    because = models.CharField(max_length=500)
    scope = models.JSONField()  # domain.scopes wire form
    workloads = models.JSONField(default=list, blank=True)  # public ids of workload trusts; empty: any token of it
    lasts_at_most_s = models.PositiveIntegerField()  # extensions included
    bytes_per_day = models.BigIntegerField()  # of all its grants, in any 24 hours
    bytes_per_grant = models.BigIntegerField()  # reserved for each one that is opened
    grants_per_day = models.PositiveIntegerField()  # opened in any 24 hours
    weekdays = models.JSONField()
    starts_min = models.PositiveSmallIntegerField()
    ends_min = models.PositiveSmallIntegerField()
    time_zone = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    review_every_s = models.PositiveIntegerField()
    review_by = models.DateTimeField()  # of an active one; past it nothing is inside
    answer_by = models.DateTimeField()  # of a proposed one
    state = models.CharField(max_length=10, default=EnvelopeState.PROPOSED)
    round = models.PositiveIntegerField(default=1)  # the one that people are asked in now, or were asked in last
    signed_round = models.PositiveIntegerField(default=0)  # the last one that everybody signed; 0: none
    is_asking = models.BooleanField(default=True)  # people are asked now
    payload = models.JSONField()
    payload_hash = models.CharField(max_length=64)
    signed_payload = models.JSONField(null=True)  # of the signed round: what its signatures stand for
    activated_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    state_reason = models.CharField(max_length=60, blank=True)  # reason code of a suspension or an end
    state_note = models.CharField(max_length=300, blank=True)
    state_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reminded_at = models.DateTimeField(null=True)  # of the review that is due
    idempotency_key = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=[one.value for one in EnvelopeState]), name="envelope_state_known"
            ),
            models.CheckConstraint(
                condition=Q(bytes_per_grant__gt=0, bytes_per_day__gte=F("bytes_per_grant"), grants_per_day__gte=1),
                name="envelope_budgets_are_set",
            ),
            models.CheckConstraint(condition=~Q(state="active") | Q(signed_round__gte=1), name="envelope_was_signed"),
            models.CheckConstraint(condition=Q(signed_round__lte=F("round")), name="envelope_rounds_in_order"),
            models.UniqueConstraint(
                fields=["proposer", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="envelope_once_per_idempotency_key",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["agent", "state"], name="envelope_of_agent")]

    @property
    def asked(self) -> Scope:
        """What it covers, as a value."""
        return parse_scope(self.scope)

    @property
    def hours(self) -> Hours:
        """When it lets anything begin."""
        return Hours(frozenset(self.weekdays), self.starts_min, self.ends_min, self.time_zone)

    @property
    def ends_at(self) -> datetime:
        """Nothing that it opens goes on after this, whether or not anybody has written anything down."""
        return min(self.expires_at, self.review_by)


class EnvelopeSignature(PublicModel):
    """What one person said in one round, and the hash of exactly what they saw. A person counts once in a round."""

    ID_PREFIX = "evs"

    envelope = models.ForeignKey(Envelope, on_delete=models.PROTECT, related_name="signatures")
    round = models.PositiveIntegerField()
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    word = models.CharField(max_length=150)  # of policies.asked: for whom of those that the rule asks
    stage = models.PositiveSmallIntegerField()
    is_approval = models.BooleanField()
    note = models.CharField(max_length=500, blank=True)
    payload_hash = models.CharField(max_length=64)
    level = models.PositiveSmallIntegerField()
    proved_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["envelope", "round", "signer"], name="one_envelope_signature_per_person")
        ]


class EnvelopeUse(models.Model):
    """One grant that was opened inside, and what is taken for it from the day's limits.

    All that was reserved counts while the grant lives. After it ended, what it really moved counts for 24 hours more.
    """

    envelope = models.ForeignKey(Envelope, on_delete=models.PROTECT, related_name="uses")
    grant = models.OneToOneField("grants.Grant", on_delete=models.PROTECT, related_name="envelope_use")
    workload = models.CharField(max_length=40, blank=True)  # public id of the trust behind the token that asked
    reserved_bytes = models.BigIntegerField()
    moved_bytes = models.BigIntegerField(null=True)  # once it is known; only grows
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(moved_bytes__isnull=True) | Q(ended_at__isnull=False), name="envelope_use_settled_at_end"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["envelope", "ended_at"], name="envelope_use_of_day")]

"""What is asked, the steps that must agree, and the verdicts given."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value

from jit_access.access_requests.away_models import Absence, Delegation, OnCallShift
from jit_access.accounts.models import User
from jit_access.core.models import PublicModel, StatefulModel
from jit_access.domain.lifecycle import RequestState

__all__ = [
    "Absence",
    "AccessRequest",
    "ApprovalStep",
    "Bundle",
    "Comment",
    "Delegation",
    "Narrowing",
    "OnCallShift",
    "Reminder",
    "Verdict",
]


class Bundle(PublicModel):
    """Several requests of one person, sent together: decided as one, or each by itself."""

    ID_PREFIX = "bnd"

    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_all_or_nothing = models.BooleanField()
    size = models.PositiveSmallIntegerField()
    idempotency_key = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(size__gte=2), name="bundle_of_several"),
            models.UniqueConstraint(
                fields=["requester", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="bundle_once_per_idempotency_key",
            ),
        ]


class AccessRequest(StatefulModel):
    """One question to the approvers. Three separate ends: answer by, start by, lasts.

    `payload` is made by the server from ids and is what every approver sees and signs by its hash.
    """

    ID_PREFIX = "req"

    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_requests")
    target = models.ForeignKey("targets.Target", on_delete=models.PROTECT, related_name="+")
    scope = models.JSONField()
    lasts_s = models.PositiveIntegerField()
    purpose = models.CharField(max_length=1000)
    ticket = models.CharField(max_length=60, blank=True)
    answer_by = models.DateTimeField()
    start_by = models.DateTimeField()
    not_before = models.DateTimeField(null=True)  # a start that was asked for later than at once
    state = models.CharField(max_length=20, default=RequestState.PENDING)
    bundle = models.ForeignKey(Bundle, null=True, on_delete=models.PROTECT, related_name="requests")
    # Agreed on, and held until all the others of its bundle are: by this reason. It is still pending then.
    agreed_reason = models.CharField(max_length=60, blank=True)
    extends = models.ForeignKey("grants.Grant", null=True, on_delete=models.PROTECT, related_name="extension_requests")
    policy_version = models.ForeignKey("policies.PolicyVersion", on_delete=models.PROTECT, related_name="+")
    rules = models.JSONField(default=list)  # ids of the matching rules
    # Of what rules approved by themselves: which, by which way, and each condition in a sentence. Else empty.
    auto_approval = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    payload = models.JSONField()
    payload_hash = models.CharField(max_length=64)
    risk = models.PositiveSmallIntegerField(default=0)
    risk_reasons = models.JSONField(default=list)  # domain.risk: points, code, sentence
    decided_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=60, blank=True)
    is_break_glass = models.BooleanField(default=False, db_default=False)
    # Public id of the envelope inside which it was granted at once. What an outside one exceeds is in its payload.
    envelope = models.CharField(max_length=40, blank=True, db_default="", default="")
    idempotency_key = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in RequestState]), name="request_state_known"),
            models.UniqueConstraint(
                fields=["requester", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="request_once_per_idempotency_key",
            ),
            models.UniqueConstraint(
                fields=["extends"], condition=Q(state="pending"), name="one_open_extension_per_grant"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "answer_by"], name="request_due")]


class ApprovalStep(PublicModel):
    """n people must agree, of one group or by what they are to the request. Stages are asked one after the other."""

    ID_PREFIX = "stp"

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="steps")
    group = models.CharField(max_length=150)  # a word of policies.asked; looked up when a verdict is given
    stage = models.PositiveSmallIntegerField(default=1, db_default=1)  # from 1, without gaps
    needed = models.PositiveSmallIntegerField()
    approver_factor_max_age_s = models.PositiveIntegerField()
    approver_level = models.PositiveSmallIntegerField(default=2)  # mfa.assurance.Level; 3: passkeys only

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "group"], name="one_step_per_group"),
            models.CheckConstraint(condition=Q(needed__gte=1), name="step_needs_somebody"),
        ]


class Verdict(PublicModel):
    """What one person said, and the hash of exactly what they saw. A person counts once, in one step."""

    ID_PREFIX = "vdt"

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="verdicts")
    step = models.ForeignKey(ApprovalStep, on_delete=models.CASCADE, related_name="verdicts")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # For whom a stand-in answered: it is this person who counts, and who cannot answer once more.
    on_behalf_of = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    is_approval = models.BooleanField()
    note = models.CharField(max_length=500, blank=True)
    payload_hash = models.CharField(max_length=64)
    factor_proved_at = models.DateTimeField(null=True)  # none behind a denial in a chat: it takes nothing but a name

    @property
    def counted(self) -> User:
        """The person who counts: whoever answered, or whom they answered for."""
        return self.on_behalf_of or self.approver

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "approver"], name="one_verdict_per_person"),
            models.UniqueConstraint(fields=["request", "on_behalf_of"], name="one_verdict_for_a_person"),
            models.CheckConstraint(
                condition=~Q(on_behalf_of=models.F("approver")), name="nobody_stands_in_for_oneself"
            ),
        ]


class Narrowing(PublicModel):
    """One approver offered less than was asked: what was asked before, what is asked since."""

    ID_PREFIX = "nrw"

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="narrowings")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    was_scope = models.JSONField()
    was_lasts_s = models.PositiveIntegerField()
    was_hash = models.CharField(max_length=64)
    now_scope = models.JSONField()
    now_lasts_s = models.PositiveIntegerField()
    now_hash = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(now_lasts_s__lte=models.F("was_lasts_s")), name="narrowing_never_longer"
            ),
            models.UniqueConstraint(fields=["request", "was_hash"], name="narrowed_once_from_each_payload"),
        ]


class Comment(PublicModel):
    """What somebody asked or answered about a request. It decides nothing, and is never edited or taken back."""

    ID_PREFIX = "cmt"

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=1000)


class Reminder(models.Model):
    """How often people were reminded of a request that waits, and when they are next. Gone once it is decided."""

    request = models.OneToOneField(AccessRequest, on_delete=models.CASCADE, related_name="+")
    sent = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_index=True)


class BreakGlassReview(PublicModel):
    """Somebody in security has to look at what a break-glass was used for, by `due_at`, and say so."""

    ID_PREFIX = "bgr"

    grant = models.OneToOneField("grants.Grant", on_delete=models.PROTECT, related_name="break_glass_review")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    skipped = models.JSONField(default=list)  # display names of everybody whom the rule would have asked
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    is_justified = models.BooleanField(null=True)
    note = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, reviewer__isnull=True, is_justified__isnull=True)
                | Q(closed_at__isnull=False, reviewer__isnull=False, is_justified__isnull=False),
                name="review_is_closed_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True) | ~Q(reviewer=models.F("opened_by")),
                name="nobody_reviews_themselves",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["due_at"], condition=Q(closed_at__isnull=True), name="review_due")]

    @property
    def version(self) -> int:
        """A review moves once: it is closed."""
        return 1 if self.closed_at is None else 2

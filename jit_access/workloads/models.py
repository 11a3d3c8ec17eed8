"""Issuers whose tokens we look at, the trust in one workload of one of them, and which tokens were used up."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from jit_access.core.models import PublicModel, StatefulModel
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.reasons import Reason
from jit_access.jose.fetching import Peer, Reach
from jit_access.jose.key_sets import KeySource
from jit_access.workloads.kinds import KIND_NAMES, IssuerKind

LONGEST_TOKEN_S = 15 * 60
SHORTEST_TOKEN_S = 60
KEYS_KEPT_FOR_S = 900  # while the issuer is away: five minutes beyond what is fresh


class TrustedIssuer(PublicModel):
    """Somebody who says which workload holds a token. What is said here never changes: retire it and add another."""

    ID_PREFIX = "iss"

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=24, choices=[(kind.value, KIND_NAMES[kind]) for kind in IssuerKind])
    issuer = models.CharField(max_length=300)  # `iss`, compared character by character
    audience = models.CharField(max_length=300)  # the one `aud` that counts
    jwks_uri = models.CharField(max_length=500, blank=True)
    algorithms = models.JSONField(default=list)
    is_used_once = models.BooleanField(default=False)  # a token counts for one exchange, by its `jti`
    allows_private = models.BooleanField(default=False)  # it may be at an address inside the company
    ca_pem = models.TextField(blank=True)
    api_server = models.CharField(max_length=500, blank=True)  # where TokenReviews are sent
    sealed_credential = models.TextField(blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True)
    retired_by_name = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer"], condition=Q(retired_at=None), name="issuer_counts_once"),
            models.CheckConstraint(condition=Q(kind__in=[kind.value for kind in IssuerKind]), name="issuer_kind_known"),
        ]

    @property
    def is_reviewed(self) -> bool:
        """True where the cluster itself is asked about each token."""
        return self.kind == IssuerKind.KUBERNETES_REVIEW

    @property
    def peer(self) -> Peer:
        return Peer(self.name, Reach(self.allows_private, self.ca_pem), Reason.ISSUER_AWAY)

    @property
    def key_source(self) -> KeySource:
        return KeySource(self.jwks_uri, self.peer, KEYS_KEPT_FOR_S)

    @property
    def credential_context(self) -> str:
        """The place that the credential for TokenReviews is sealed for."""
        return f"workloads_trustedissuer:{self.public_id}:sealed_credential"


class WorkloadTrust(StatefulModel):
    """Whoever an issuer describes exactly so acts as this agent. It ends by comparison; nothing of it is edited."""

    ID_PREFIX = "trt"

    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="workload_trusts")
    issuer = models.ForeignKey(TrustedIssuer, on_delete=models.PROTECT, related_name="trusts")
    name = models.CharField(max_length=80)
    claims = models.JSONField()  # name -> exact value
    scope = models.CharField(max_length=60)
    longest_token_s = models.PositiveIntegerField()
    needs_key = models.BooleanField(default=False)  # only tokens that belong to a key are given (RFC 9449)
    expires_at = models.DateTimeField()  # exclusive
    state = models.CharField(max_length=10, choices=[(one.value, one.value) for one in TrustState])
    # The agent's owner when it was proposed. When another person answers for the agent, they have to trust anew.
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    confirm_by = models.DateTimeField()  # exclusive
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by_name = models.CharField(max_length=120, blank=True)
    end_note = models.CharField(max_length=300, blank=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=[one.value for one in TrustState]), name="trust_state_known"),
            models.CheckConstraint(
                condition=Q(longest_token_s__gte=SHORTEST_TOKEN_S, longest_token_s__lte=LONGEST_TOKEN_S),
                name="trust_gives_short_tokens",
            ),
            models.CheckConstraint(
                condition=~Q(state=TrustState.ACTIVE)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False) & ~Q(confirmed_by=F("proposed_by")),
                name="trust_has_two_people",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["issuer", "state"], name="trust_of_issuer")]

    def counts_at(self, now: datetime) -> bool:
        """True while tokens may be got under it, as far as its own row says. Half-open."""
        return self.state == TrustState.ACTIVE and now < self.expires_at


class UsedSubjectToken(models.Model):
    """A token that was exchanged. The unique row is the memory that makes each count once."""

    issuer = models.ForeignKey(TrustedIssuer, on_delete=models.CASCADE, related_name="+")
    jti_hash = models.CharField(max_length=64)
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["issuer", "jti_hash"], name="subject_token_used_once")]

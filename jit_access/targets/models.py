"""What we guard: targets, and the repositories in them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value

from jit_access.core.models import PublicModel
from jit_access.domain.operations import Tier


class TargetKind(models.TextChoices):
    OCI = "oci", "OCI registry"
    HF = "hf", "Hugging Face hub"
    S3 = "s3", "S3 store"
    MLFLOW = "mlflow", "MLflow tracking server"


class TargetHealth(models.TextChoices):
    UNCHECKED = "unchecked"
    REACHABLE = "reachable"
    AWAY = "away"
    REFUSED = "refused"  # it answers, but not to our credential


class Target(PublicModel):
    """A registry. Its credential is sealed and known only to connectors and proxies."""

    ID_PREFIX = "tgt"

    slug = models.SlugField(max_length=63, unique=True)  # first path segment of every repository name
    kind = models.CharField(max_length=20, choices=TargetKind, default=TargetKind.OCI)
    display_name = models.CharField(max_length=120)
    base_url = models.URLField(max_length=300)
    username = models.CharField(max_length=200, blank=True)
    sealed_password = models.TextField(blank=True)
    allow_private = models.BooleanField(default=False)  # may its name resolve to a private address?
    # Both are lists of scheme://host[:port] (ADR 0010). A token service may get the credential, a store never does.
    token_origins = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)
    redirect_origins = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)
    # Whom a rule's `target-owner` asks: the members of this group, and these people.
    owner_group = models.CharField(max_length=150, blank=True, default="", db_default="")
    owners = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="owned_targets", blank=True)
    is_demo = models.BooleanField(default=False)
    health = models.CharField(max_length=20, choices=TargetHealth, default=TargetHealth.UNCHECKED)
    health_reason = models.CharField(max_length=60, blank=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(health__in=TargetHealth.values), name="target_health_known"),
            models.CheckConstraint(condition=Q(kind__in=TargetKind.values), name="target_kind_known"),
        ]


class Repository(PublicModel):
    """One repository at a target, with the tier that policy goes by."""

    ID_PREFIX = "rpo"

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="repositories")
    name = models.CharField(max_length=200)
    tier = models.CharField(max_length=20, choices=[(t, t) for t in Tier], default=Tier.CRITICAL)
    description = models.CharField(max_length=300, blank=True)
    size_bytes = models.BigIntegerField(null=True)
    latest_tag = models.CharField(max_length=128, blank=True)
    discovered_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)  # no longer listed by the target

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "name"], name="repository_once_per_target"),
            models.CheckConstraint(condition=Q(tier__in=[t.value for t in Tier]), name="repository_tier_known"),
        ]

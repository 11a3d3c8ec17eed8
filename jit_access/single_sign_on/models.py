"""Identity providers, who is who at each of them, and what their words for groups and strength mean here."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jit_access.core.models import PublicModel
from jit_access.domain.actors import ActorKind, ActorRef


class LogoutEnds(models.TextChoices):
    """How far a sign-out that the provider announces reaches."""

    SESSION = "session", "the sessions it is about, and the grants that were started in them"
    PERSON = "person", "every session and every open grant of the person"


class Provider(PublicModel):
    """One identity provider. Its endpoints are read once, from its own metadata, and kept (ADR 0027)."""

    ID_PREFIX = "idp"

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    issuer = models.CharField(max_length=300, unique=True)
    client_id = models.CharField(max_length=200)
    sealed_secret = models.TextField(blank=True)
    authorization_endpoint = models.CharField(max_length=500)
    token_endpoint = models.CharField(max_length=500)
    jwks_uri = models.CharField(max_length=500)
    end_session_endpoint = models.CharField(max_length=500, blank=True)
    names_itself = models.BooleanField(default=False)  # RFC 9207: its answers carry `iss`
    token_auth_method = models.CharField(max_length=40, default="client_secret_basic")
    algorithms = models.JSONField(default=list)
    scopes = models.CharField(max_length=200, default="openid profile email")
    username_claim = models.CharField(max_length=80, default="preferred_username")
    groups_claim = models.CharField(max_length=80, default="groups")
    strength = models.JSONField(default=dict)  # "acr:<value>" or "amr:<value>" -> level
    may_provision = models.BooleanField(default=False)
    logout_ends = models.CharField(max_length=10, choices=LogoutEnds, default=LogoutEnds.SESSION)
    is_active = models.BooleanField(default=True)

    @property
    def ref(self) -> ActorRef:
        """The provider as the log names it."""
        return ActorRef(ActorKind.SYSTEM, self.public_id, self.name)


class Identity(models.Model):
    """A person as one provider knows them: by `sub` and by nothing else (OpenID Connect Core 5.7)."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="identities")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="identities")
    subject = models.CharField(max_length=255)
    linked_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "subject"], name="identity_is_one_person"),
            models.UniqueConstraint(fields=["provider", "user"], name="person_is_one_identity"),
        ]


class GroupMapping(models.Model):
    """A group of the provider that means one of ours. What is not listed means nothing."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="group_mappings")
    external = models.CharField(max_length=255)
    group = models.CharField(max_length=150)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "external", "group"], name="group_mapped_once")
        ]


class UsedLogoutToken(models.Model):
    """A logout token that was acted on. The unique row is the memory that makes each count once."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="+")
    jti_hash = models.CharField(max_length=64)
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "jti_hash"], name="logout_token_used_once")
        ]

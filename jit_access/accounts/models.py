"""People and service accounts. One table, because both act, hold grants and appear in the log."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower

from jit_access.accounts.agent_models import AgentHandover, ApiTokenFamily, HandoverOutcome
from jit_access.accounts.names import fold_name
from jit_access.core.ids import new_id
from jit_access.core.models import PublicModel
from jit_access.domain.actors import ActorKind, ActorRef

__all__ = [
    "AccountKind",
    "AgentHandover",
    "ApiToken",
    "ApiTokenFamily",
    "HandoverOutcome",
    "StoppedBecause",
    "User",
]


class AccountKind(models.TextChoices):
    PERSON = "person"
    SERVICE = "service"


class StoppedBecause(models.TextChoices):
    """Why a service account may do nothing. Empty while it is locked: only security undoes that."""

    BY_OWNER = "by-owner"
    OWNER_GONE = "owner-gone"
    RETIRED = "retired"  # for good


class User(AbstractUser):
    """Somebody who acts. `is_active` False means stopped: nothing works, everything open ends."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=AccountKind, default=AccountKind.PERSON)
    display_name = models.CharField(max_length=120)
    title = models.CharField(max_length=160, blank=True)
    owner = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="service_accounts")
    # Whom a rule's `manager` asks about this person; a service account has its owner's.
    manager = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reports")
    purpose = models.CharField(max_length=300, blank=True, default="", db_default="")  # of a service account
    stopped_because = models.CharField(
        max_length=12, blank=True, default="", db_default="", choices=StoppedBecause.choices
    )
    theme = models.CharField(max_length=5, default="auto")
    session_epoch = models.PositiveIntegerField(default=1)  # grows when every open session must end

    REQUIRED_FIELDS: ClassVar[list[str]] = ["email", "display_name"]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind="person", owner__isnull=True) | Q(kind="service", owner__isnull=False),
                name="service_account_has_owner",
            ),
            models.CheckConstraint(condition=~Q(manager=models.F("id")), name="nobody_manages_themselves"),
            models.CheckConstraint(condition=Q(theme__in=["auto", "light", "dark"]), name="user_theme_known"),
            models.CheckConstraint(
                condition=Q(stopped_because="")
                | Q(stopped_because__in=StoppedBecause.values, is_active=False, kind="service"),
                name="only_agents_are_stopped_with_a_word",
            ),
            models.UniqueConstraint(Lower("username"), name="username_unique_in_any_spelling"),
        ]

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Django's own door to new accounts (`createsuperuser`) stores the same spelling as ours."""
        return fold_name(username)

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.public_id:
            self.public_id = new_id("usr")
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # passed through as they came

    @property
    def ref(self) -> ActorRef:
        """This account as the log names it."""
        return ActorRef(ActorKind(self.kind), self.public_id, self.display_name)

    @property
    def is_person(self) -> bool:
        return self.kind == AccountKind.PERSON

    def __str__(self) -> str:
        return self.display_name


class ApiToken(PublicModel):
    """A token for the API. Only its hash is kept; `token_id` is its public half.

    One of a family is a generation: it waits sealed until it is collected, and rows of old ones stay, so that an old
    one that turns up again is known.
    """

    ID_PREFIX = "tok"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80)
    token_id = models.CharField(max_length=16, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=60, blank=True, default="", db_default="")  # reason code
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.CharField(max_length=45, blank=True, default="", db_default="")
    networks = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)  # empty: anywhere
    max_uses = models.PositiveIntegerField(null=True)  # null: any number
    use_count = models.PositiveIntegerField(default=0, db_default=0)  # counted only where `max_uses` says so
    jkt = models.CharField(max_length=43, blank=True, default="", db_default="")  # RFC 7638 thumbprint of its key
    family = models.ForeignKey(ApiTokenFamily, null=True, on_delete=models.PROTECT, related_name="tokens")
    generation = models.PositiveIntegerField(default=1, db_default=1)
    sealed_token = models.TextField(blank=True, default="", db_default="")  # waits here to be collected
    is_superseded = models.BooleanField(default=False, db_default=False)  # another took its generation's place

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(max_uses__isnull=True) | Q(use_count__lte=models.F("max_uses")),
                name="api_token_not_used_too_often",
            ),
            models.UniqueConstraint(
                fields=["family", "generation"],
                condition=Q(family__isnull=False, is_superseded=False),
                name="one_api_token_per_generation",
            ),
        ]

"""People and service accounts. One table, because both act, hold grants and appear in the log."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from jit_access.accounts.names import fold_name
from jit_access.core.ids import new_id
from jit_access.core.models import PublicModel
from jit_access.domain.actors import ActorKind, ActorRef


class AccountKind(models.TextChoices):
    PERSON = "person"
    SERVICE = "service"


class User(AbstractUser):
    """Somebody who acts. `is_active` False means locked: nothing works, everything open ends."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=AccountKind, default=AccountKind.PERSON)
    display_name = models.CharField(max_length=120)
    title = models.CharField(max_length=160, blank=True)
    owner = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="service_accounts")
    # Whom a rule's `manager` asks about this person; a service account has its owner's.
    manager = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reports")
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
    """A token for the API. Only its hash is kept; `token_id` is its public half."""

    ID_PREFIX = "tok"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80)
    token_id = models.CharField(max_length=16, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

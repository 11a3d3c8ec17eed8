"""What the authorization server gives out. Every text that opens something is kept by its hash."""

from __future__ import annotations

import math
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models

from jit_access.core.models import PublicModel
from jit_access.mfa.assurance import NO_ASSURANCE, PROVED_LEVELS, Assurance, Level


class AccessToken(PublicModel):
    """A short token for the API that one client holds for one account. There is no refresh token.

    What the browser session had proved that authorized it is written down here, so that everything which asks for a
    fresh second factor asks the token the same question as a session. A token of an agent holds nothing of that kind.
    """

    ID_PREFIX = "oat"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_tokens")
    client = models.CharField(max_length=64, blank=True)  # its client_id; empty where no client was asked to prove one
    token_id = models.CharField(max_length=16, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    network = models.CharField(max_length=64, blank=True)  # where the client was when it got the token
    epoch = models.PositiveIntegerField()  # the account's `session_epoch`: what ends every session ends this too
    level = models.PositiveSmallIntegerField(default=0)
    proved_at = models.DateTimeField(null=True)
    session = models.CharField(max_length=64, blank=True)  # public id of the browser session that authorized it
    device = models.CharField(max_length=64, blank=True)  # hash of that session's device
    code_hash = models.CharField(max_length=64, blank=True, db_index=True)  # of the code it was got with
    jkt = models.CharField(max_length=64, blank=True)  # RFC 9449: thumbprint of the key that each use must prove
    act = models.JSONField(default=dict)  # RFC 8693, 4.1: who acts for the account
    trust_id = models.CharField(max_length=40, blank=True)  # public id of the workload trust it was exchanged under

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "expires_at"], name="access_token_of_account"),
            models.Index(fields=["session"], name="access_token_of_session"),
        ]

    def assurance_at(self, now: datetime) -> Assurance:
        """What stands behind this token (`mfa.assurance.HoldsAssurance`)."""
        if self.level not in PROVED_LEVELS or self.proved_at is None:
            return Assurance(workload=self.trust_id)  # nobody proved anything; which workload it is, is known
        age_s = math.floor((now - self.proved_at).total_seconds())
        return Assurance(Level(self.level), self.proved_at, age_s, self.session, self.device)


class AuthorizationCode(models.Model):
    """The one minute between a person's yes and the client's token. Known by the hash of the code."""

    code_hash = models.CharField(max_length=64, unique=True)
    client = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    scope = models.CharField(max_length=200)
    redirect_uri = models.CharField(max_length=300)
    code_challenge = models.CharField(max_length=128)
    level = models.PositiveSmallIntegerField()
    proved_at = models.DateTimeField()
    session = models.CharField(max_length=64)
    device = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    replayed_at = models.DateTimeField(null=True)  # sent a second time: what the first time gave is ended

    code_challenge_method = "S256"  # the only one

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def assurance_at(self, now: datetime) -> Assurance:
        """What the session had proved when the person said yes."""
        age_s = math.floor((now - self.proved_at).total_seconds())
        return Assurance(Level(self.level), self.proved_at, age_s, self.session, self.device)


class Client(PublicModel):
    """A confidential client: it belongs to a service account, proves itself by a secret, and acts as that account."""

    ID_PREFIX = "oac"

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="oauth_clients")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=200)
    secret_hash = models.CharField(max_length=64, unique=True)
    secret_made_at = models.DateTimeField()
    may_introspect = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "name"],
                condition=models.Q(removed_at__isnull=True),
                name="oauth_client_name_once",
            )
        ]


class DeviceCode(models.Model):
    """A sign-in that a client began where there is no browser, until a person decides or ten minutes are over.

    Both codes are known by their hash: the long one is the client's, the short one is typed by the person.
    """

    code_hash = models.CharField(max_length=64, unique=True)
    user_code_hash = models.CharField(max_length=64, unique=True)
    client = models.CharField(max_length=64)
    scope = models.CharField(max_length=200)
    address = models.CharField(max_length=64, blank=True)  # where the client asked from, shown to the person
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    interval_s = models.PositiveIntegerField()
    polled_at = models.DateTimeField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    is_allowed = models.BooleanField(default=False)
    level = models.PositiveSmallIntegerField(default=0)
    proved_at = models.DateTimeField(null=True)
    session = models.CharField(max_length=64, blank=True)
    device = models.CharField(max_length=64, blank=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="device_code_end")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(is_allowed=False) | models.Q(user__isnull=False, proved_at__isnull=False),
                name="device_code_allowed_by_somebody",
            )
        ]

    def get_client_id(self) -> str:
        return self.client

    def get_scope(self) -> str:
        return self.scope

    def assurance_at(self, now: datetime) -> Assurance:
        """What the session had proved when the person said yes."""
        if self.proved_at is None:
            return NO_ASSURANCE
        age_s = math.floor((now - self.proved_at).total_seconds())
        return Assurance(Level(self.level), self.proved_at, age_s, self.session, self.device)


class DeviceCodeGuess(models.Model):
    """A code that somebody typed and that was nobody's. Counted per account."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "at"], name="device_code_guess_recent")]

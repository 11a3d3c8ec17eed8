"""Second factors and the memory that makes each code count once."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

from jit_access.mfa.session_store import SessionStore


class TotpDevice(models.Model):
    """One authenticator app per person. Unconfirmed until its first code was proved."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="totp_device")
    sealed_secret = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True)


class UsedTimestep(models.Model):
    """A 30 s step whose code this person has used. The unique row is the replay memory (pyotp has none)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    timestep = models.BigIntegerField()
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "timestep"], name="totp_step_used_once")]


class RecoveryCode(models.Model):
    """A hashed single-use code for the day the phone is lost. `slot` is its first letter: one look-up, one hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    slot = models.CharField(max_length=1)
    code_hash = models.CharField(max_length=160)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "slot"], name="recovery_code_slot")]


class Passkey(models.Model):
    """One WebAuthn credential of a person. The public key proves; nothing in this row is a secret."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential_id = models.CharField(max_length=1400, unique=True)  # base64url; WebAuthn 3 allows 1023 bytes
    public_key = models.BinaryField()  # COSE
    sign_count = models.BigIntegerField(default=0)  # 0 for ever where an authenticator keeps none
    transports = models.JSONField(default=list)
    is_synced = models.BooleanField(default=False)  # copied to the person's other devices by their vendor
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "name"], name="passkey_name_once")]


class PasskeyChallenge(models.Model):
    """A question that one session may answer once, for one purpose, for a few minutes. Answering deletes the row."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    challenge = models.CharField(max_length=64, unique=True)  # base64url of 32 random bytes
    session_hash = models.CharField(max_length=64)
    purpose = models.CharField(max_length=100)
    made_at = models.DateTimeField()


class FactorAttempt(models.Model):
    """One evaluated code, right or wrong. Counted per account, whatever name was typed or address it came from."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    is_right = models.BooleanField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "at"], name="factor_attempt_recent")]


class WebSession(AbstractBaseSession):
    """One session, written by `session_store` alone. `session_key` is the hash of the cookie, not the cookie.

    The columns repeat facts of the session, so that its owner can be shown it without anybody opening it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    public_id = models.CharField(max_length=64, blank=True, db_index=True)
    epoch = models.PositiveIntegerField(default=0)
    level = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    network = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=64, blank=True)
    device_hash = models.CharField(max_length=64, blank=True)
    came_by = models.CharField(max_length=64, blank=True)
    came_by_session = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "expire_date"], name="web_session_of_person"),
            models.Index(fields=["came_by", "came_by_session"], name="web_session_of_provider"),
        ]

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        return SessionStore


class Device(models.Model):
    """A browser in which a person has shown a second factor. Its cookie is known here by its hash only."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    device_hash = models.CharField(max_length=64)
    name = models.CharField(max_length=60)
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "device_hash"], name="device_once_per_person")]


class ProofMark(models.Model):
    """The latest proof of one person (`mfa.marks`). Of no worth once the session it was given in has ended."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    level = models.PositiveSmallIntegerField()
    proved_at = models.DateTimeField()
    session = models.CharField(max_length=64)  # public id of the session it was given in


class FactorReset(models.Model):
    """One person's way back after losing every factor: asked for by one colleague, confirmed by another.

    Open until `ended_at`. Between confirmation and end the person needs the code besides the password.
    """

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    asked_at = models.DateTimeField()
    not_before = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    code_hash = models.CharField(max_length=64, blank=True)
    code_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(ended_at__isnull=True, confirmed_at__isnull=True),
                name="factor_reset_one_asked",
            ),
            models.CheckConstraint(condition=~Q(user=models.F("asked_by")), name="factor_reset_not_by_oneself"),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True)
                | (~Q(confirmed_by=models.F("asked_by")) & ~Q(confirmed_by=models.F("user"))),
                name="factor_reset_by_two_others",
            ),
        ]

"""Directories, their tokens, and which people and groups are theirs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from jit_access.core.models import PublicModel
from jit_access.domain.actors import ActorKind, ActorRef


class Provisioner(PublicModel):
    """One directory that may tell us who works here. It sees and changes only what is its own."""

    ID_PREFIX = "prv"

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    used_at = models.DateTimeField(null=True)

    @property
    def ref(self) -> ActorRef:
        """The directory as the log names it."""
        return ActorRef(ActorKind.SYSTEM, self.public_id, self.name)


class ProvisionerToken(models.Model):
    """A bearer token of a directory, known by its hash. Two may work at once while one is being replaced."""

    provisioner = models.ForeignKey(Provisioner, on_delete=models.PROTECT, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    until = models.DateTimeField(null=True)


class ProvisionedUser(models.Model):
    """A person whom a directory speaks for. `is_deactivated`: it was the directory that locked the account."""

    provisioner = models.ForeignKey(Provisioner, on_delete=models.PROTECT, related_name="people")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="provisioned")
    external_id = models.CharField(max_length=255, blank=True)
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reports_by_directory"
    )
    is_deactivated = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)


class ProvisionedGroup(PublicModel):
    """A group whose members a directory names. Every other group is out of its reach."""

    ID_PREFIX = "grp"

    provisioner = models.ForeignKey(Provisioner, on_delete=models.PROTECT, related_name="groups")
    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="provisioned")
    display_name = models.CharField(max_length=150)
    external_id = models.CharField(max_length=255, blank=True)
    changed_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

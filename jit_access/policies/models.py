"""Loaded policies. A version is never changed; requests pin the one they were shown."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class PolicyVersion(models.Model):
    """The text of all policy files as they were loaded together, and its digest."""

    number = models.PositiveIntegerField(unique=True)
    digest = models.CharField(max_length=64)
    schema_text = models.TextField()
    files = models.JSONField()  # name -> Cedar text
    is_active = models.BooleanField(default=False)
    loaded_at = models.DateTimeField(auto_now_add=True)
    loaded_by = models.CharField(max_length=120)
    commit = models.CharField(max_length=64, blank=True, default="")  # of the git checkout that the files are from

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_active"], condition=Q(is_active=True), name="one_active_policy_version")
        ]

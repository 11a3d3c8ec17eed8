"""Reads about what people were told."""

from __future__ import annotations

from django.db.models import QuerySet

from jit_access.accounts.models import User
from jit_access.notifications.models import Notification


def messages_of(user: User) -> QuerySet[Notification]:
    """What this person was told, newest first."""
    return Notification.objects.filter(user=user).order_by("-pk")

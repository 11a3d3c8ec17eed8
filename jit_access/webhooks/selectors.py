"""Reads: an agent's webhook and what was sent there."""

from __future__ import annotations

from django.db.models import QuerySet

from jit_access.accounts.models import User
from jit_access.webhooks.models import Delivery, Webhook


def webhook_of(agent: User) -> Webhook | None:
    """Where this agent is told, on or off."""
    return Webhook.objects.filter(agent=agent).first()


def deliveries_of(agent: User) -> QuerySet[Delivery]:
    """Newest first; a month of them."""
    return Delivery.objects.filter(webhook__agent=agent).order_by("-pk")

"""Delivery, every few seconds and never in the way of anything else."""

from __future__ import annotations

from celery import shared_task

from jit_access.notifications.services import deliver_due


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def send_due() -> None:
    deliver_due()

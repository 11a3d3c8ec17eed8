"""What the worker runs for webhooks."""

from __future__ import annotations

from celery import shared_task

from jit_access.webhooks import outbox


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def deliver() -> None:
    outbox.deliver_due()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def forget_deliveries() -> None:
    outbox.forget_old()

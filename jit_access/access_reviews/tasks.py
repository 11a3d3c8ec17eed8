"""What the worker runs for reviews."""

from __future__ import annotations

from celery import shared_task

from jit_access.access_reviews import services


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def close_due_campaigns() -> None:
    services.close_due_campaigns()

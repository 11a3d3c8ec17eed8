"""What the worker runs for Slack. Without Slack set up, each of these does nothing."""

from __future__ import annotations

from celery import shared_task

from jit_access.slack import clicks, outbox


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def deliver() -> None:
    outbox.deliver_due()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def work_clicks() -> None:
    clicks.work_due()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def forget_clicks() -> None:
    clicks.forget_old()

"""What the worker runs for requests."""

from __future__ import annotations

from celery import shared_task

from jit_access.access_requests import reminding, services
from jit_access.access_requests.services import reviewing


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def expire_due_requests() -> None:
    services.expire_due_requests()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def remind_due() -> None:
    reminding.remind_due()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def remind_holders() -> None:
    services.remind_holders()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def remind_reviewers() -> None:
    reviewing.remind_reviewers()

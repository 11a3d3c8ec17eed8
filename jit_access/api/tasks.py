"""What the worker runs for the API."""

from __future__ import annotations

from celery import shared_task

from jit_access.api import idempotency


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def forget_answers() -> None:
    idempotency.forget_old()

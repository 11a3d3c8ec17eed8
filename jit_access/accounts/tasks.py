"""What the worker runs for accounts. Each task reads everything fresh, and may run twice."""

from __future__ import annotations

from celery import shared_task

from jit_access.accounts.services import rotation


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def make_due_generations() -> None:
    rotation.make_due_generations()

"""What the beat asks of the log."""

from __future__ import annotations

from celery import shared_task

from jit_access.audit import services


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def write_checkpoint() -> None:
    services.write_checkpoint()

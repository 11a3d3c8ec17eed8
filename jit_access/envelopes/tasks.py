"""What the worker runs for envelopes."""

from __future__ import annotations

from celery import shared_task

from jit_access.envelopes import services


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def sweep_envelopes() -> None:
    services.sweep_envelopes()

"""Periodic work on targets. Safe to run twice."""

from __future__ import annotations

from celery import shared_task

from jit_access.targets import services


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def check_all() -> None:
    """Try every target, so that people see who is away before they wait for a pull."""
    services.check_every_target()

"""What the worker runs for changes of policy."""

from __future__ import annotations

from celery import shared_task

from jit_access.policy_changes import services


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def expire_due_proposals() -> None:
    services.expire_due_proposals()

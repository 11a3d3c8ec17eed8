"""What the beat starts."""

from __future__ import annotations

from celery import shared_task

from jit_access.workloads import services


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def forget_used_tokens() -> int:
    return services.forget_used_tokens()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def remind_owners() -> int:
    return services.remind_owners()

"""What nobody waits for."""

from __future__ import annotations

from celery import shared_task

from jit_access.oauth.forgetting import forget


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def forget_what_is_over() -> None:
    forget()

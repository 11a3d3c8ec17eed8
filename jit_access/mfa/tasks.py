"""What nobody waits for."""

from __future__ import annotations

from celery import shared_task

from jit_access.mfa.sessions import forget_old_sessions as forget


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def forget_old_sessions() -> None:
    forget()

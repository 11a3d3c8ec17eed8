"""What the worker runs for grants. Each task carries ids at most, reads everything fresh, and may run twice."""

from __future__ import annotations

from celery import shared_task

from jit_access.grants import services
from jit_access.grants.jobs import FINISH_REVOCATION, enqueue


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def expire_due_grants() -> None:
    services.expire_due_grants()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def finish_revocation(grant_id: int) -> None:
    services.finish_revocation(grant_id=grant_id)


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def finish_due_revocations() -> None:
    """Spread over the workers, targets in turn; by itself when the broker takes nothing."""
    for grant_id in services.due_revocations():
        if not enqueue(FINISH_REVOCATION, grant_id):
            services.finish_revocation(grant_id=grant_id)


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def settle_locks() -> None:
    services.settle_locks()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def reevaluate_live_grants() -> None:
    services.reevaluate_live_grants()


@shared_task  # type: ignore[untyped-decorator]  # celery ships no types
def rotate_due_leases() -> None:
    services.rotate_due_leases()

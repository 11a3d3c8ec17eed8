"""Hands work to the queue after commit, best effort.

The queue only shortens lags: every piece of work is also found by a sweep over due rows. So a broker that is away
is worth a log line and never an error for the person who just revoked something.
"""

from __future__ import annotations

from functools import lru_cache, partial

import structlog
from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

_IMPATIENT = {"socket_timeout": 1.0, "socket_connect_timeout": 0.5}
FINISH_REVOCATION = "jit_access.grants.tasks.finish_revocation"

log = structlog.get_logger(__name__)


def enqueue_after_commit(task: str, *args: int) -> None:
    """Send a task with plain numbers once the transaction is committed. Never raises for a broker that is away."""
    transaction.on_commit(partial(enqueue, task, *args), robust=True)


def enqueue(task: str, *args: int) -> bool:
    """Send a task now. False when the broker did not take it; the sweep will find the work."""
    try:
        _sender().send_task(task, args=args, retry=False)
    except OperationalError:
        log.warning("queue.away", task=task)
        return False
    return True


@lru_cache(maxsize=1)
def _sender() -> Celery:
    """The sending half of the queue. It needs the settings only, so web, worker and commands all have it."""
    app = Celery("jit_access", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    # Somebody waits for this answer, and the sweep finds the work: a broker that hangs gets less time than a worker's.
    app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS | _IMPATIENT
    return app

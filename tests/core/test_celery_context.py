"""The request id of whoever asked is the request id of the worker's work."""

from __future__ import annotations

from queue import SimpleQueue

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from jit_access.core import celery_context
from jit_access.core.request_id import bind_request_id, current_request_id, forget_request_id

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("asked_by", ["abcdefgh12345678", ""])
def test_the_worker_works_under_the_senders_request_id(asked_by: str) -> None:
    celery_context.connect()
    app = Celery("t", broker="memory://", set_as_current=False)
    seen: SimpleQueue[str] = SimpleQueue()

    @app.task(name="t.note", shared=False)
    def note() -> None:
        seen.put(current_request_id())

    if asked_by:
        bind_request_id(asked_by)
    note.delay()
    forget_request_id()
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="error"):
        found = seen.get(timeout=60)
    assert found == asked_by if asked_by else len(found) == 24

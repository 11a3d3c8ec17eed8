"""Each line of the beat's table names a task that exists, and a queue that a worker reads."""

from __future__ import annotations

import pytest
from django.conf import settings

from jit_access.config.celery import app

QUEUES = {"revocation", "default"}


@pytest.mark.parametrize("job", sorted(app.conf.beat_schedule))
def test_its_task_exists_and_is_read_by_a_worker(job: str) -> None:
    app.loader.import_default_modules()
    task = app.conf.beat_schedule[job]["task"]
    assert task in app.tasks
    queue = app.amqp.router.route({}, task)["queue"]
    assert getattr(queue, "name", queue) in QUEUES
    assert settings.CELERY_TASK_DEFAULT_QUEUE in QUEUES


def test_sessions_that_are_over_are_forgotten_by_schedule() -> None:
    assert "jit_access.mfa.tasks.forget_old_sessions" in {job["task"] for job in app.conf.beat_schedule.values()}

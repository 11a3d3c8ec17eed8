"""Carries the request id from whoever sends a task to the worker that runs it."""

from __future__ import annotations

from typing import Any

from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun

from jit_access.core.request_id import bind_request_id, current_request_id, forget_request_id, new_request_id

HEADER = "request_id"


def connect() -> None:
    """Called once by the Celery app."""
    before_task_publish.connect(_send, dispatch_uid="core.request_id.send")
    task_prerun.connect(_receive, dispatch_uid="core.request_id.receive")
    task_postrun.connect(_forget, dispatch_uid="core.request_id.forget")
    # With a receiver here Celery leaves logging alone, so that settings.LOGGING holds in workers too.
    setup_logging.connect(_keep_logging, dispatch_uid="core.logging.keep")


def _send(headers: dict[str, Any], **_: Any) -> None:
    headers.setdefault(HEADER, current_request_id() or new_request_id())


def _receive(task: Any, **_: Any) -> None:
    bind_request_id(str(task.request.get(HEADER) or ""))


def _forget(**_: Any) -> None:
    forget_request_id()


def _keep_logging(**_: Any) -> None:
    """Its presence is its purpose."""

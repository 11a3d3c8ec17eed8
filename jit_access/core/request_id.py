"""One id per request, carried through web, worker, proxy and log."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)
_current: ContextVar[str] = ContextVar("request_id", default="")
# Asked every second by whoever watches us.
_UNLOGGED = frozenset({"/healthz", "/readyz"})
_ACCEPTED = re.compile(r"[A-Za-z0-9_-]{8,64}")


def current_request_id() -> str:
    """The id of the request being served, or an empty string outside of one."""
    return _current.get()


def bind_request_id(value: str) -> None:
    """Continue under the id that came with a message; anything odd is replaced by a new one."""
    _current.set(value if _ACCEPTED.fullmatch(value) else new_request_id())


def forget_request_id() -> None:
    """Between two pieces of work of one process."""
    _current.set("")


def new_request_id() -> str:
    return secrets.token_hex(12)


class RequestIdMiddleware:
    """Gives each request an id and returns it, so that a person can quote it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        bind_request_id(request.headers.get("X-Request-Id", ""))
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-Id"] = current_request_id()
        if request.path not in _UNLOGGED:
            facts = {"method": request.method, "path": request.path, "status": response.status_code}
            logger.info("request", extra=facts | {"ms": round((time.perf_counter() - started) * 1000)})
        return response

"""Logs as structured lines: JSON where machines read them, plain text where a person does; never a secret in either.

Code may use the standard library's `logging`; everything, also what libraries say, passes the same processors here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from jit_access.core.request_id import current_request_id
from jit_access.core.secret import HIDDEN
from jit_access.domain.tokens import TOKEN_REGEX

MAX_DEPTH = 6
_SECRET_KEY = re.compile(
    r"token$|token_text|password|passwd|secret|authorization|cookie|^code$|otp|recovery_code|^key$|private_key|kek",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    rf"{TOKEN_REGEX}"
    r"|(?<=Bearer )[^\s'\",]+|(?<=Basic )[A-Za-z0-9+/=_-]+"  # credentials in a header that was logged as text
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user:password in an address
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    re.DOTALL,
)


def make_formatter(renderer: str) -> structlog.stdlib.ProcessorFormatter:
    """The formatter that settings.LOGGING names. `renderer` is `json` or `text`."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_request_id,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: Processor = structlog.dev.ConsoleRenderer(colors=False)
    if renderer == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # The traceback becomes text before it is searched for secrets.
            structlog.processors.format_exc_info,
            drop_request,
            redact,
            last,
        ],
    )


def add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if request_id := current_request_id():
        event.setdefault("request_id", request_id)
    return event


def drop_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Django adds the request object to what it logs, and that prints its query, where people paste secrets.

    The request id leads to the line that our own middleware wrote.
    """
    event.pop("request", None)
    return event


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop the values of keys that name a secret, and whatever looks like one anywhere in a text."""
    return {key: HIDDEN if _SECRET_KEY.search(str(key)) else _clean(value, 0) for key, value in event.items()}


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(HIDDEN, value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: HIDDEN if _SECRET_KEY.search(str(key)) else _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, depth + 1) for item in value]
    return _clean(str(value), depth)


def logging_settings(*, level: str, renderer: str) -> dict[str, Any]:
    """settings.LOGGING: one handler to standard error, which the supervisor or the container collects."""
    through = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"house": {"()": "jit_access.core.logging.make_formatter", "renderer": renderer}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "house"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": through,
            "django.server": through,
            "uvicorn": through,
            "uvicorn.error": through,
            # Our own middleware writes one line per request, without the query.
            "uvicorn.access": through | {"level": logging.getLevelName(logging.WARNING)},
            "httpx": through | {"level": logging.getLevelName(logging.WARNING)},
        },
    }

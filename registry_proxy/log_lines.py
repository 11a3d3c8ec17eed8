"""One JSON object per line on standard error, the same from a worker and from the parent of workers."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class _JSONLines(logging.Formatter):
    """What a record's `extra={"fields": …}` names becomes part of the object."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(), "level": record.levelname,
            "event": record.getMessage(), "logger": record.name, **getattr(record, "fields", {}),
        }  # fmt: skip
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def log_fields(**fields: str | int) -> dict[str, dict[str, str | int]]:
    """`extra=` of one log line. The caller gives no query string, no header and no token."""
    return {"fields": fields}


def begin_logging(level: str) -> None:
    """Set the process's log up, once."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JSONLines())
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every shipped batch

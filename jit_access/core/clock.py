"""The one clock for deadlines: the database's. No room asks the machine it happens to run on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

# Tests move time here instead of sleeping; nothing else may set it.
_offset = timedelta()

_NOW_SQL = {
    "postgresql": "SELECT clock_timestamp()",
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
}


def now() -> datetime:
    """The database's time as an aware UTC datetime. Costs one query, no table."""
    with connection.cursor() as cursor:
        cursor.execute(_NOW_SQL[connection.vendor])
        (value,) = cursor.fetchone()
    moment = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value.astimezone(UTC)
    return moment + _offset


def set_offset(offset: timedelta) -> None:
    """For tests only: pretend that it is earlier or later."""
    global _offset  # noqa: PLW0603  # one process-wide clock is the point
    _offset = offset


def format_instant(moment: datetime) -> str:
    """`2026-11-23T13:55:10.123456Z`, the form that audit records use."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

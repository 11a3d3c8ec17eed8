"""The one clock for deadlines: the database's. No room asks the machine it happens to run on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

# Tests move time here instead of sleeping; nothing else may set it.
_offset = timedelta()

_NOW_SQL = {
    "postgresql": "clock_timestamp()",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')",
}


def now() -> datetime:
    """The database's time as an aware UTC datetime. Costs one query, no table."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression()}", [])  # with parameters, as where it stands beside others
        return read(cursor.fetchone()[0])


def expression() -> str:
    """The same time as a column, for a query that is made anyway. Give what comes back to `read`."""
    return _NOW_SQL[connection.vendor]


def read(value: datetime | str) -> datetime:
    """An aware UTC datetime from what the database said."""
    moment = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value.astimezone(UTC)
    return moment + _offset


def set_offset(offset: timedelta) -> None:
    """For tests only: pretend that it is earlier or later."""
    global _offset  # noqa: PLW0603  # one process-wide clock is the point
    _offset = offset


def format_instant(moment: datetime) -> str:
    """`2026-11-23T13:55:10.123456Z`, the form that audit records use."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""A record as a row: which of its fields are columns, and how they are cut to fit.

The body is the truth, the columns are for searching. Text from outside may be longer than its column (a path that an
attacker sent, say), so columns are cut by one rule here and checked by the same rule in `verification`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, models

from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import AuditRecord

_TEXT_COLUMNS = (
    "source",
    "kind",
    "actor_id",
    "actor_name",
    "request",
    "grant",
    "exchange",
    "target",
    "repository",
    "operation",
    "reference",
    "decision",
    "reason",
)


def _max_chars(name: str) -> int:
    column = AuditEntry._meta.get_field(name)
    if not isinstance(column, models.CharField) or column.max_length is None:
        raise TypeError(f"{name} has no length")
    return column.max_length


COLUMN_CHARS: dict[str, int] = {name: _max_chars(name) for name in _TEXT_COLUMNS}


COLUMNS = ("seq", "record_id", "at", *COLUMN_CHARS, "bytes_in", "bytes_out", "body", "leaf_hash", "mac")
# Table and columns are constants of ours; values are parameters.
_INSERT = "INSERT INTO {table} ({columns}) VALUES ({places})".format(  # noqa: S608  # see above
    table=AuditEntry._meta.db_table,
    columns=", ".join(f'"{name}"' for name in COLUMNS),
    places=", ".join(["%s"] * len(COLUMNS)),
)
Row = tuple[int | str | datetime, ...]


def make_row(seq: int, record: AuditRecord, body: bytes, *, leaf_hex: str, mac: str) -> Row:
    """The row of one record, in the order of COLUMNS. `body` is its canonical bytes."""
    return (
        seq,
        record.id,
        connection.ops.adapt_datetimefield_value(parse_at(record.at)),
        *(getattr(record, name)[:limit] for name, limit in COLUMN_CHARS.items()),
        record.bytes_in,
        record.bytes_out,
        body.decode("utf-8"),
        leaf_hex,
        mac,
    )


def insert_rows(rows: Sequence[Row]) -> None:
    """Insert all of them. Not bulk_create: building its statements costs ten times what the hashing does."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


def parse_at(text: str) -> datetime:
    """The instant of a record. Raises: ValueError for a text that has the shape but is no date."""
    return datetime.fromisoformat(text)

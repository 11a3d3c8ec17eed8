"""A record as a row: which of its fields are columns, and how they are cut to fit.

The body is the truth, the columns are for searching. Text from outside may be longer than its column (a path that an
attacker sent, say), so columns are cut by one rule here and checked by the same rule in `verification`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

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
NUMBERS = ("bytes_in", "bytes_out")
# The fields of a record that are columns, in the order in which canonical text spells them.
FIELDS = tuple(sorted(("id", "at", *COLUMN_CHARS, *NUMBERS)))
_pick = attrgetter(*FIELDS)
_CUTS = tuple(COLUMN_CHARS.get(name) for name in FIELDS)
_AT = FIELDS.index("at")

COLUMNS = (*("record_id" if name == "id" else name for name in FIELDS), "seq", "body", "leaf_hash", "mac")
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_TABLE = AuditEntry._meta.db_table
Values = tuple[str | int, ...]  # one value for each of FIELDS
Row = tuple[str | int, ...]  # one for each of COLUMNS

# So many go the way of a batch. SQLite keeps a journal of every page that a statement touches where there are triggers,
# so one statement for many rows halves the cost; more than this in one gains nothing.
_MANY_ROWS = 8
_ROWS_A_STATEMENT = 50


def values_of(record: AuditRecord) -> Values:
    """What stands in the columns, cut to their lengths."""
    values = [value if most is None else value[:most] for value, most in zip(_pick(record), _CUTS, strict=True)]
    values[_AT] = instant_speller()(record.at)
    return tuple(values)


def instant_speller() -> Callable[[str], str]:
    """Turns the instant of a record into the text that this database takes for it."""
    return _sqlite_instant if connection.vendor == "sqlite" else str


def _sqlite_instant(at: str) -> str:
    """As Django writes it there, or ordering by it would break: no zone, and no fraction of zero."""
    return f"{at[:10]} {at[11:19]}" if at.endswith(".000000Z") else f"{at[:10]} {at[11:26]}"


def insert_rows(rows: Sequence[Row]) -> None:
    """Insert all of them. Not bulk_create: building its statements costs ten times what the hashing does."""
    with connection.cursor() as cursor:
        if len(rows) < _MANY_ROWS:
            cursor.execute(_insert_sql(len(rows), "%s"), list(chain.from_iterable(rows)))
            return
        # Django does not map the errors of these two, and callers know Django's only.
        with connection.wrap_database_errors:
            if connection.vendor == "postgresql":
                _copy_rows(rows, cursor)
            else:
                _insert_by_fifties(rows)


def _copy_rows(rows: Sequence[Row], cursor: CursorWrapper) -> None:
    with cursor.copy(f"COPY {_TABLE} ({_NAMES}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _insert_by_fifties(rows: Sequence[Row]) -> None:
    """Past Django's cursor, which would rewrite a thousand placeholders each time."""
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        some = rows[start : start + _ROWS_A_STATEMENT]
        connection.connection.execute(_insert_sql(len(some), "?"), list(chain.from_iterable(some)))


@lru_cache(maxsize=2 * _ROWS_A_STATEMENT)
def _insert_sql(count: int, place: str) -> str:
    """Table and columns are constants of ours; values are parameters."""
    places = f"({', '.join([place] * len(COLUMNS))})"
    return f"INSERT INTO {_TABLE} ({_NAMES}) VALUES {', '.join([places] * count)}"  # noqa: S608  # see above


def find_leaves(record_ids: Iterable[str]) -> dict[str, str]:
    """The leaf hashes of those records that are in the log, by record id. One query, however many are asked."""
    wanted = list(record_ids)
    if not wanted:
        return {}
    is_postgresql = connection.vendor == "postgresql"
    among = "= ANY(%s)" if is_postgresql else "IN (SELECT value FROM json_each(%s))"
    with connection.cursor() as cursor:
        sql = f"SELECT record_id, leaf_hash FROM {_TABLE} WHERE record_id {among}"  # noqa: S608  # constants
        cursor.execute(sql, [wanted if is_postgresql else json.dumps(wanted)])
        return dict(cursor.fetchall())


def parse_at(text: str) -> datetime:
    """The instant of a record. Raises: ValueError for a text that has the shape but is no date."""
    return datetime.fromisoformat(text)

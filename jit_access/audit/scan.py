"""Reading the whole log fast: raw rows in order, from one snapshot, never more than a chunk in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import zip_longest
from operator import itemgetter

from django.db import connection, transaction

from jit_access.audit.entries import FIELDS, NUMBERS
from jit_access.domain.audit_record import AuditRecord

CHUNK_ROWS = 1000
# seq, body, leaf_hash, mac, and the row's other columns as the body would spell them
Row = tuple[int, str, str, str, str]

# Canonical text sorts its keys and holds one object (detail) in the middle. Cut at every `,"` it therefore has fixed
# places for all other fields, counted from the front before detail and from the back after it. Comparing those pieces
# with what the database spells from the columns is eight times as fast as parsing JSON. A backslash would break the
# rule (an escaped quote), so texts with one go the slow way.
_KEYS = sorted([*(item.name for item in fields(AuditRecord)), "v"])
_PLACES = [place if (place := _KEYS.index(name)) < _KEYS.index("detail") else place - len(_KEYS) for name in FIELDS]
pick_pieces = itemgetter(*_PLACES)
SEPARATOR = ',"'

# The instant as records write it. SQLite stores text and leaves out a fraction of zero.
_AT_SQL = {
    "postgresql": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "sqlite": "replace(at, ' ', 'T') || CASE WHEN length(at) = 19 THEN '.000000Z' ELSE 'Z' END",
}


@contextmanager
def snapshot() -> Iterator[None]:
    """One consistent state of the database for several reads, without holding up writers.

    Inside an open transaction (tests) it is what that transaction sees.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Django would begin IMMEDIATE here and lock every writer out until the whole log is read.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def read_rows() -> Iterator[list[Row]]:
    """Every row in order of `seq`, in chunks."""
    yield from _stream(f"SELECT seq, body, leaf_hash, mac, {_spelled_sql()} FROM audit_auditentry ORDER BY seq")  # noqa: S608  # constants


def read_columns(seq: int) -> dict[str, str | int]:
    """The columns of one row by field name, for the slow way."""
    columns = ", ".join(_column_sql(name) for name in FIELDS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM audit_auditentry WHERE seq = %s", [seq])  # noqa: S608  # constants
        return dict(zip(FIELDS, cursor.fetchone(), strict=True))


def read_marks() -> Iterator[tuple[int, str, str]]:
    """(seq, leaf_hash, mac) of every row in order: enough to find out where a record belongs."""
    for rows in _stream("SELECT seq, leaf_hash, mac FROM audit_auditentry ORDER BY seq"):
        yield from rows


def read_leaves(start: int, end: int) -> Iterator[bytes]:
    """The leaf hashes of start <= seq < end."""
    sql = f"SELECT leaf_hash FROM audit_auditentry WHERE seq >= {int(start)} AND seq < {int(end)} ORDER BY seq"  # noqa: S608  # two whole numbers
    for rows in _stream(sql):
        for (leaf,) in rows:
            yield bytes.fromhex(leaf)


def _column_sql(name: str) -> str:
    return {"id": "record_id", "at": _AT_SQL[connection.vendor]}.get(name, f'"{name}"')


def _spelled_sql() -> str:
    """One text of all columns, in the database: a row of five values is read twice as fast as one of twenty."""
    pieces = [f'{name}":%s' if name in NUMBERS else f'{name}":"%s"' for name in FIELDS]
    pattern = SEPARATOR.join(('{"' if place == 0 else "") + piece for place, piece in zip(_PLACES, pieces, strict=True))
    columns = [_column_sql(name) for name in FIELDS]
    if connection.vendor == "sqlite":
        return f"printf('{pattern}', {', '.join(columns)})"
    # Twice as fast there as its format(); on SQLite it is the other way round.
    texts = (f"'{text}'" for text in pattern.split("%s"))
    return " || ".join(part for pair in zip_longest(texts, columns) for part in pair if part)


def _stream(sql: str) -> Iterator[list]:  # type: ignore[type-arg]  # the shape of a row is each caller's
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(CHUNK_ROWS):
            yield rows

"""A record as a row: which of its fields are columns, and how they are cut to fit.

The body is the truth, the columns are for searching. Text from outside may be longer than its column (a path that an
attacker sent, say), so columns are cut by one rule here and checked by the same rule in `verification`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models

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


def make_entry(seq: int, record: AuditRecord, body: bytes, *, leaf_hex: str, mac: str) -> AuditEntry:
    """The row of one record. `body` is its canonical bytes."""
    return AuditEntry(
        seq=seq,
        record_id=record.id,
        at=parse_at(record.at),
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        body=body.decode("utf-8"),
        leaf_hash=leaf_hex,
        mac=mac,
        **{name: getattr(record, name)[:limit] for name, limit in COLUMN_CHARS.items()},
    )


def parse_at(text: str) -> datetime:
    """The instant of a record. Raises: ValueError for a text that has the shape but is no date."""
    return datetime.fromisoformat(text)

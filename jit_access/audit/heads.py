"""The one row that every append waits for, read and written without the ORM: it stands in the way of every change."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from jit_access.audit.errors import LogBroken
from jit_access.audit.merkle import EMPTY_ROOT
from jit_access.audit.models import AuditHead
from jit_access.core import clock

HEAD_ID = 1
_TABLE = AuditHead._meta.db_table
# The table is a constant of ours, here and below; values are parameters.
_UPDATE = f"UPDATE {_TABLE} SET size = %s, peaks = %s, root = %s, signature = %s, at = %s WHERE id = %s"  # noqa: S608


def lock_head() -> tuple[AuditHead, datetime]:
    """The head, locked until the transaction ends, and the time by the database once it was. Raises: LogBroken."""
    row = _select_locked()
    if row is None:
        fresh = AuditHead(pk=HEAD_ID, size=0, peaks=[], root=EMPTY_ROOT.hex(), signature="", at=clock.now())
        AuditHead.objects.bulk_create([fresh], ignore_conflicts=True)  # whoever else made it meanwhile wins
        row = _select_locked()
    if row is None:
        raise LogBroken("the head cannot be read")
    size, peaks, root, signature, at, now = row
    try:
        head = AuditHead(HEAD_ID, size, json.loads(peaks), root, signature, at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, TypeError, AttributeError) as exc:
        raise LogBroken("the head cannot be read") from exc
    return head, clock.read(now)


def write_head(head: AuditHead) -> None:
    """Replace the row; the caller holds its lock."""
    at = connection.ops.adapt_datetimefield_value(head.at)
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, (head.size, json.dumps(head.peaks), head.root, head.signature, at, HEAD_ID))


def _select_locked() -> tuple[Any, ...] | None:
    # PostgreSQL reads the row again when it had to wait for another writer, and the clock with it.
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    columns = f"size, peaks, root, signature, at, {clock.expression()}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {_TABLE} WHERE id = %s{lock}", [HEAD_ID])  # noqa: S608  # see above
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row

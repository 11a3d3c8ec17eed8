"""Placing a lock and opening a door take turns, so that neither misses the other.

Without this a grant that is opened in a transaction which has not committed yet is seen by neither side: the lock looks
for open grants before that commit, the opening looked for locks before the lock's. An advisory lock of the database,
shared among those who open. It is taken first in a transaction, before any row, or two of them would wait in a ring.
SQLite has one writer at a time and needs nothing.
"""

from __future__ import annotations

from django.db import connection

_KEY = 0x6A69745F6C6F636B  # "jit_lock"


def wait_for_locks() -> None:
    """Before a door is opened: locks that are being placed come first. Until the end of the transaction."""
    _take("pg_advisory_xact_lock_shared")


def hold_doors() -> None:
    """Before a lock is placed: doors that are being opened come first, further ones wait."""
    _take("pg_advisory_xact_lock")


def _take(function: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [_KEY])

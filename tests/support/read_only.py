"""A database that answers and takes no writes, as a standby does, or one whose disk is full."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import connection

_ON = {
    # The session's default is for transactions to come; a test's own transaction has begun already.
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET transaction_read_only = on",
    "sqlite": "PRAGMA query_only = ON",
}
_OFF = {
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "sqlite": "PRAGMA query_only = OFF",
}


def make_read_only() -> None:
    """For this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute(_ON[connection.vendor])


@contextlib.contextmanager
def read_only_database() -> Iterator[None]:
    """Until the block ends, nothing can be written over this thread's connection."""
    make_read_only()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(_OFF[connection.vendor])

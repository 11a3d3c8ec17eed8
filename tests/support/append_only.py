"""Lets Django empty the test database between transactional tests, although the log's tables refuse it.

Product code has no such door: the triggers are switched off here, around the one statement list that Django's own
flush runs, by the test database's owner. `without_triggers` is also how tamper tests play an attacker who owns the
database.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management.commands import flush as flush_command
from django.db import connection as default_connection
from django.db import transaction
from django.db.backends.base.operations import BaseDatabaseOperations

append_only = importlib.import_module("jit_access.audit.migrations.0003_append_only")


@contextmanager
def without_triggers(connection: Any = default_connection) -> Iterator[None]:
    """Run with the triggers dropped; they are back afterwards, whatever happened."""
    with transaction.atomic(using=connection.alias):
        _run(connection, append_only.REMOVE[connection.vendor])
        yield
        _run(connection, append_only.INSTALL[connection.vendor])


def _run(connection: Any, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(autouse=True, scope="session")
def flushable_log() -> Iterator[None]:
    original = BaseDatabaseOperations.execute_sql_flush

    def flush(self: Any, sql_list: list[str]) -> None:
        if "audit_auditentry" not in self.connection.introspection.table_names():
            original(self, sql_list)
            return
        with without_triggers(self.connection):
            original(self, sql_list)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush)
        # Filling in Django's own permissions, which nobody here asks for, took longer than the emptying.
        patch.setattr(flush_command, "emit_post_migrate_signal", lambda *_, **__: None)
        yield

"""The tables of SQLite runs, migrated once per set of migrations and copied from then on.

Sixty migrations take longer than most files of tests. The copy is put into the empty database before Django's own
`migrate` looks, which then finds nothing left to do; whatever differs (a new migration, another Django) has another
name and is made anew.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created

_KEPT = Path(__file__).parents[2] / "var" / "migrated"


@contextmanager
def migrated_once() -> Iterator[None]:
    """Around the set-up of the test database: starts it from the copy, or makes the copy where there is none."""
    if connection.vendor != "sqlite" or "NAME" not in settings.DATABASES["default"].get("TEST", {}):
        yield
        return
    copy = _KEPT / f"{_name_of_migrations()}.sqlite3"
    if not copy.exists():
        yield
        _keep(copy)
        return
    connection_created.connect(begin := _starter(copy))
    try:
        yield
    finally:
        connection_created.disconnect(begin)


def _name_of_migrations() -> str:
    digest = hashlib.sha256(f"{django.VERSION} {sqlite3.sqlite_version}".encode())
    for app in sorted(apps.get_app_configs(), key=lambda config: config.label):
        for file in sorted(Path(app.path, "migrations").glob("*.py")):
            digest.update(f"{app.label}/{file.name}".encode() + file.read_bytes())
    return digest.hexdigest()[:32]


def _starter(copy: Path) -> Any:
    def begin(connection: Any, **_: object) -> None:
        raw = connection.connection
        if raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            with closing(sqlite3.connect(copy)) as source:
                source.backup(raw)

    return begin


def _keep(copy: Path) -> None:
    """Written beside and renamed, because several workers may do this at once."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    unfinished = copy.with_suffix(f".{os.getpid()}")
    connection.ensure_connection()
    with closing(sqlite3.connect(unfinished)) as target:
        connection.connection.backup(target)
    unfinished.replace(copy)
    for older in sorted(copy.parent.glob("*.sqlite3"), key=lambda path: path.stat().st_mtime)[:-5]:
        older.unlink(missing_ok=True)

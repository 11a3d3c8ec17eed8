"""What every test may lean on: real parts, a clock that moves without waiting, the fixed cast, no outside world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoDbBlocker

from jit_access.accounts.models import User
from jit_access.audit import outside
from jit_access.core import clock as core_clock
from jit_access.core import redis as core_redis
from jit_access.mfa import sign_in
from tests.support.append_only import flushable_log  # noqa: F401  # autouse: the log refuses to be emptied
from tests.support.cast import Cast, make_cast
from tests.support.effort import at_length
from tests.support.migrated import migrated_once
from tests.support.network import block_outside
from tests.support.redis_of_run import running_redis
from tests.support.sessions import signed_in

# No deadline: a busy machine is not a failing test. Fewer examples keep the whole suite within its minutes.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=50)
hypothesis.settings.load_profile("suite")


_DATA_PLANE = Path(__file__).parent / "registry_proxy"  # knows no database; its control plane's are tried elsewhere
_PAGES = Path(__file__).parent / "web"
_DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "stack"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A race that SQLite serialises away proves nothing there, so it is told as skipped, with the reason."""
    if config.getoption("only_database"):
        _keep_what_a_database_can_change(config, items)
    if "postgresql" in settings.DATABASES["default"]["ENGINE"]:
        return
    for item in items:
        if "postgres" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="means something only on PostgreSQL: run with --db postgres"))


def _keep_what_a_database_can_change(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For the second round of `dev.py test`: parsers, the data plane and pictures were proved by the first one."""
    kept, left_out = [], []
    for item in items:
        uses_one = "django_db" in item.keywords or _DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
        is_elsewhere = "browser" in item.keywords or _DATA_PLANE in item.path.parents
        is_due = at_length(whole=True, part=_commits(item))
        (kept if uses_one and is_due and not is_elsewhere else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _commits(item: pytest.Item) -> bool:
    """Several transactions that meet: there the two databases differ most, so that is what is tried by hand as well.

    Pages and whole stories commit too, but one at a time; the gate has them on both.
    """
    if _PAGES in item.path.parents:
        return False
    marked = item.get_closest_marker("django_db")
    if marked is not None and marked.kwargs.get("transaction"):
        return True
    return "postgres" in item.keywords or "transactional_db" in getattr(item, "fixturenames", ())


@pytest.fixture(autouse=True, scope="session")
def only_this_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        block_outside(patch)
        yield


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> None:
    """pytest-django's own, around a database that need not be migrated each time."""
    with django_db_blocker.unblock(), migrated_once():
        request.getfixturevalue("django_db_setup")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of this process's own real Valkey, empty at the start."""
    with running_redis(settings.REDIS_URL) as url:
        core_redis.client.cache_clear()
        yield url


@pytest.fixture(autouse=True)
def empty_redis(request: pytest.FixtureRequest) -> None:
    """Tests that use the database may reach Redis after a commit, so they find it there, and empty."""
    if {"db", "transactional_db", "redis_url"} & set(request.fixturenames) or request.node.get_closest_marker(
        "django_db"
    ):
        request.getfixturevalue("redis_url")
        core_redis.client().flushall()


class Clock:
    """Moves `core.clock` by an offset. Nothing sleeps."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return core_clock.now()

    def advance(self, **by: float) -> datetime:
        """`advance(seconds=5)`: any argument of timedelta. Returns the new now."""
        self._offset += timedelta(**by)
        core_clock.set_offset(self._offset)
        return self.now()

    def set(self, moment: datetime) -> datetime:
        """Make it `moment` now. The clock runs on from there."""
        core_clock.set_offset(timedelta())
        self._offset = moment - core_clock.now().astimezone(UTC)
        core_clock.set_offset(self._offset)
        return self.now()


@pytest.fixture(autouse=True)
def nobody_was_refused_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test's own strangers do is counted anew for each test, and all of it within one minute."""
    for counting in (outside, sign_in):
        monkeypatch.setattr(counting, "time", SimpleNamespace(monotonic=lambda: 0.0))
    outside.forget()
    sign_in.forget_failures()


@pytest.fixture
def clock(db: None) -> Iterator[Clock]:
    yield Clock()
    core_clock.set_offset(timedelta())


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def client_for(db: None) -> Callable[..., Client]:
    """`client_for(cast.ada)`: signed in with a fresh second factor. Also factor="stale" and factor="none"."""

    def make(user: User, factor: str = "fresh") -> Client:
        return signed_in(user, factor)

    return make

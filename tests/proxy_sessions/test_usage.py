"""What proxies moved under a budget: summed over all of them, counted once, told when it matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, ViewState, decode_view
from jit_access.proxy_sessions import news, services, usage
from jit_access.proxy_sessions.models import GrantUsage, SessionViewRow
from jit_access.proxy_sessions.usage import Used
from tests.support.racing import race
from tests.support.views import closed, make_token, make_view

ONE, TWO = "1" * 32, "2" * 32
GRANT = "grt_first"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_client(redis_url: str) -> Iterator[None]:
    news.client.cache_clear()
    yield
    news.client().close()
    news.client.cache_clear()


@pytest.fixture
def view(db: None) -> SessionView:
    return services.put_views([make_view(make_token(), byte_budget=1600)])[0]


def told() -> SessionView:
    return decode_view(SessionViewRow.objects.get(grant_id=GRANT).body)


def report(moved: int, run: str = ONE) -> int | None:
    used = usage.record_usage(run=run, counted={GRANT: Used(moved)}).get(GRANT)
    return None if used is None else used.moved


def test_counters_of_all_runs_are_summed(view: SessionView) -> None:
    assert report(300) == 300
    assert report(200, TWO) == 500
    assert usage.read_used([GRANT, "grt_other"]) == {GRANT: Used(500)}


def test_repeated_and_late_reports_change_nothing(view: SessionView) -> None:
    report(300)
    epoch = told().epoch
    assert report(300) == 300
    assert report(100) == 300
    assert told().epoch == epoch


def test_proxies_are_told_of_every_sixteenth_and_of_the_end(view: SessionView) -> None:
    report(99)
    assert told().bytes_used == 0
    report(100)
    assert told().bytes_used == 100
    report(199)
    assert told().bytes_used == 100
    report(1590)
    assert told().bytes_used == 1590
    report(1599)
    assert told().bytes_used == 1590
    report(1600)
    assert told().bytes_used == 1600
    report(1700)
    assert told().epoch == view.epoch + 4  # the fourth was the end; a hundredth more is a sixteenth again
    assert told().bytes_used == 1700


def count(requests: int, run: str = ONE) -> Used:
    return usage.record_usage(run=run, counted={GRANT: Used(7, requests)})[GRANT]


def test_requests_are_summed_and_told_as_bytes_are(db: None) -> None:
    services.put_views([make_view(make_token(), request_budget=32)])
    assert count(1) == Used(7, 1)
    assert told().requests_used == 0
    assert count(1, TWO) == Used(14, 2)
    assert told().requests_used == 2
    assert count(0) == count(1) == Used(14, 2)  # late and repeated
    assert count(31) == Used(14, 32)
    assert (told().requests_used, told().bytes_used) == (32, 14)
    (next_view,) = services.put_views([replace(told(), requests_used=0, risk=5)])
    assert next_view.requests_used == 32


def test_late_counter_takes_nothing_back_from_a_newer_one(view: SessionView) -> None:
    usage.record_usage(run=ONE, counted={GRANT: Used(300, 2)})
    assert usage.record_usage(run=ONE, counted={GRANT: Used(200, 3)}) == {GRANT: Used(300, 3)}


def test_grant_without_a_budget_is_not_counted(view: SessionView) -> None:
    services.put_views([make_view(make_token(), grant_id="grt_free")])
    five = Used(5, 5)
    told = {"grt_free": five, "grt_unknown": five, GRANT: five}
    assert usage.record_usage(run=ONE, counted=told) == {GRANT: five}
    assert GrantUsage.objects.count() == 1


def test_use_survives_whoever_composes_the_next_view(view: SessionView) -> None:
    report(800)
    (next_view,) = services.put_views([replace(view, risk=5)])  # composed from the grant, which knows no counters
    assert next_view.bytes_used == 800


def test_report_opens_no_grant_that_was_closed(view: SessionView) -> None:
    services.put_views([closed(view)])
    assert report(1600) == 1600
    assert (told().state, told().reason) == (ViewState.CLOSED, Reason.GRANT_REVOKED)


def test_counters_go_when_their_grant_is_long_over(view: SessionView, clock: Any) -> None:
    report(300)
    clock.advance(days=1)
    assert usage.prune_usage() == 0
    clock.advance(hours=2)
    assert usage.prune_usage() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_reports_lose_nothing(redis_url: str) -> None:
    services.put_views([make_view(make_token(), byte_budget=10**6)])
    workers = 10 if connection.vendor == "postgresql" else 4
    runs = [f"{number:032x}" for number in range(workers)]
    race([lambda run=run: [report(count, run) for count in (10, 30, 20)] for run in runs])
    assert usage.read_used([GRANT]) == {GRANT: Used(30 * workers)}

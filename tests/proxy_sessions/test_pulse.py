"""What the proxies are told of time only grows, and every word of it was paid for with a write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from jit_access.proxy_sessions import pulse
from jit_access.proxy_sessions.models import Pulse
from tests.support.read_only import read_only_database

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def test_time_told_is_the_clock_and_is_remembered(clock: Any) -> None:
    before = clock.now()
    first = pulse.take_pulse()
    assert before <= first.told <= clock.now()
    assert first.ahead == timedelta()
    assert Pulse.objects.get().told_at == first.told
    clock.advance(minutes=5)
    assert pulse.take_pulse().told - first.told >= timedelta(minutes=5)
    assert Pulse.objects.count() == 1


def test_nothing_is_told_without_a_write(transactional_db: None) -> None:
    assert pulse.take_pulse()
    with read_only_database(), pytest.raises(DatabaseError):
        pulse.take_pulse()
    assert pulse.take_pulse()


def test_clock_that_goes_back_takes_no_time_back(clock: Any) -> None:
    first = pulse.take_pulse()
    clock.advance(hours=-2)
    assert pulse.read_told_time().told == first.told
    stepped = pulse.take_pulse()
    assert stepped.told == first.told
    assert timedelta(hours=2) - SECOND < stepped.ahead <= timedelta(hours=2)
    clock.advance(minutes=10)  # and it runs on from there
    gone_on = pulse.take_pulse(since_last=timedelta(minutes=10)).told
    assert timedelta() <= first.told + timedelta(minutes=10) - gone_on < SECOND


def test_small_steps_are_forgotten_as_slowly_as_a_clock_is_slewed(clock: Any) -> None:
    pulse.take_pulse()
    clock.advance(seconds=-1)
    pulse.take_pulse()
    clock.advance(hours=1)
    assert (
        pulse.take_pulse(since_last=timedelta(hours=1)).ahead == timedelta()
    )  # 3600 s * 500 ppm is more than the second


def test_clock_that_is_set_right_is_followed_at_once(clock: Any) -> None:
    pulse.take_pulse()
    clock.advance(hours=-2)
    pulse.take_pulse()
    clock.advance(hours=2)
    assert pulse.take_pulse(since_last=SECOND).ahead < 2 * SECOND


def test_operator_may_trust_a_clock_that_was_ahead_once(clock: Any) -> None:
    clock.advance(days=365)
    pulse.take_pulse()
    clock.advance(days=-365)
    assert pulse.take_pulse().ahead > timedelta(days=364)
    pulse.trust_clock()
    assert pulse.take_pulse().ahead < SECOND


def test_slower_of_two_publishers_writes_no_older_time(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pulse.take_pulse()
    read = pulse.clock.now
    others: list[datetime] = []

    def now_and_be_overtaken() -> datetime:
        moment = read()
        if not others:
            others.append(moment)
            clock.advance(seconds=10)
            others.append(pulse.take_pulse().told)
        return moment

    monkeypatch.setattr(pulse.clock, "now", now_and_be_overtaken)
    told = pulse.take_pulse().told
    assert told >= others[1] > others[0]
    assert Pulse.objects.get().told_at == told

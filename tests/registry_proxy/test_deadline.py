"""One deadline at a time, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from registry_proxy.stream.deadline import Deadline


@dataclass(eq=False)
class Timer:
    at: float
    action: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class Clock:
    """As much of an event loop as a deadline needs."""

    now: float = 0.0
    timers: list[Timer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, action: Callable[[], None]) -> Timer:
        self.timers.append(Timer(at, action))
        return self.timers[-1]

    @property
    def running(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.is_cancelled]

    def go(self, to: float) -> None:
        while due := [timer for timer in self.running if timer.at <= to]:
            first = min(due, key=lambda timer: timer.at)
            self.timers.remove(first)
            self.now = first.at
            first.action()
        self.now = to


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return clock


def test_it_comes_when_it_was_set_for_and_once(clock: Clock) -> None:
    rung: list[float] = []
    Deadline().set(5, lambda: rung.append(clock.now))
    clock.go(4.9)
    assert rung == []
    clock.go(20)
    assert rung == [5]


def test_cleared_one_never_comes(clock: Clock) -> None:
    rung: list[float] = []
    deadline = Deadline()
    deadline.set(5, lambda: rung.append(clock.now))
    deadline.clear()
    clock.go(20)
    assert rung == []


def test_later_one_comes_later_and_the_earlier_one_not_at_all(clock: Clock) -> None:
    rung: list[tuple[str, float]] = []
    deadline = Deadline()
    deadline.set(5, lambda: rung.append(("first", clock.now)))
    clock.go(3)
    deadline.set(5, lambda: rung.append(("second", clock.now)))
    clock.go(20)
    assert rung == [("second", 8)]


def test_sooner_one_comes_sooner(clock: Clock) -> None:
    """A header deadline after the long one between two requests."""
    rung: list[tuple[str, float]] = []
    deadline = Deadline()
    deadline.set(75, lambda: rung.append(("idle", clock.now)))
    deadline.set(10, lambda: rung.append(("head", clock.now)))
    clock.go(100)
    assert rung == [("head", 10)]


def test_one_that_was_cleared_and_set_again_comes(clock: Clock) -> None:
    rung: list[float] = []
    deadline = Deadline()
    for _ in range(100):
        deadline.set(60, lambda: rung.append(clock.now))
        clock.go(clock.now + 1)
        deadline.clear()
    deadline.set(60, lambda: rung.append(clock.now))
    assert len(clock.running) == 1  # not one timer per request
    clock.go(500)
    assert rung == [160]


def test_stopped_one_leaves_nothing_running(clock: Clock) -> None:
    deadline = Deadline()
    deadline.set(5, lambda: None)
    deadline.clear()
    deadline.set(75, lambda: None)
    deadline.stop()
    assert clock.running == []

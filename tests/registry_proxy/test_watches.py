"""Running exchanges on a real loop: cut when, and only when, what they lean on is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from jit_access.domain.reasons import Reason
from registry_proxy.control_client.ticks import read_ticks
from registry_proxy.gate import Admission
from tests.support.gate_world import NOW, Ticks, World, admitted
from tests.support.views import closed, make_token, make_view, pull


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def token() -> str:
    return make_token()


def on_loop(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), timeout=60))


class Stream:
    """A running exchange that remembers how it was cut."""

    def __init__(self) -> None:
        self.cut_by: list[Reason] = []
        self.is_cut = asyncio.Event()

    def cut(self, reason: Reason) -> None:
        self.cut_by.append(reason)
        self.is_cut.set()


class RunningTicks(Ticks):
    """The real clock, which a test may move on."""

    def __init__(self) -> None:
        self.shift = 100.0 - read_ticks()

    @property
    def value(self) -> float:  # type: ignore[override]
        return read_ticks() + self.shift

    @value.setter
    def value(self, to: float) -> None:
        self.shift = to - read_ticks()


@pytest.fixture
def live_world() -> Iterator[World]:
    world = World(RunningTicks())
    yield world
    world.gate.close()


def test_revoked_grant_cuts_its_running_exchanges_and_no_others(live_world: World, token: str) -> None:
    async def scenario() -> None:
        world, other = live_world, make_token()
        world.gate.start()
        view = make_view(token, now=NOW)
        world.load(view, make_view(other, now=NOW, grant_id="grt_second"))
        streams = {}
        for name in (token, other):
            streams[name] = Stream()
            world.gate.watch(admitted(world.gate.decide(name, pull())), pull(), streams[name].cut)
        world.tell(closed(view))
        await streams[token].is_cut.wait()
        assert streams[token].cut_by == [Reason.GRANT_REVOKED]
        assert streams[other].cut_by == []

    on_loop(scenario)


@pytest.mark.parametrize("is_told_between", [True, False])
def test_what_changed_after_the_decision_is_judged_again(
    live_world: World, token: str, *, is_told_between: bool
) -> None:
    """A decision of this very epoch stands; news between it and the watch end what it let through."""

    async def scenario() -> None:
        world = live_world
        world.gate.start()
        view = make_view(token, now=NOW)
        world.load(view)
        stream, epoch = Stream(), world.gate.epoch
        admission = admitted(world.gate.decide(token, pull()))
        if is_told_between:
            world.tell(closed(view))
        world.gate.watch(admission, pull(), stream.cut, decided_at=epoch)
        if not is_told_between:
            assert stream.cut_by == []
            world.tell(closed(view))
        await stream.is_cut.wait()
        assert stream.cut_by == [Reason.GRANT_REVOKED]

    on_loop(scenario)


def test_expiry_cuts_a_running_exchange_without_any_news(live_world: World, token: str) -> None:
    async def scenario() -> None:
        world = live_world
        world.gate.start()
        world.load(make_view(token, now=NOW, valid_until=world.now + 0.2))
        stream = Stream()
        world.gate.watch(admitted(world.gate.decide(token, pull())), pull(), stream.cut)
        await stream.is_cut.wait()
        assert stream.cut_by == [Reason.GRANT_EXPIRED]
        assert world.now >= NOW + 0.2

    on_loop(scenario)


def test_lost_beats_cut_a_strict_exchange(live_world: World, token: str) -> None:
    async def scenario() -> None:
        world = live_world
        world.gate.start()
        world.load(make_view(token, now=NOW))
        stream = Stream()
        world.gate.watch(admitted(world.gate.decide(token, pull())), pull(), stream.cut)
        epoch = world.gate.epoch
        world.pass_time(3.1, beating=False)
        await stream.is_cut.wait()
        assert stream.cut_by == [Reason.CONTROL_PLANE_LOST]
        assert world.gate.epoch > epoch

    on_loop(scenario)


def test_extension_keeps_the_stream_in_one_batch(live_world: World, token: str) -> None:
    async def scenario() -> None:
        world = live_world
        world.gate.start()
        first = make_view(token, now=NOW, valid_until=NOW + 1.5)
        world.load(first)
        stream = Stream()
        world.gate.watch(admitted(world.gate.decide(token, pull())), pull(), stream.cut)
        longer = make_view(token, now=NOW, grant_id="grt_longer")
        ended = replace(closed(first, Reason.GRANT_EXTENDED), leases=())
        world.tell(longer, ended)
        while world.now < NOW + 1.7:  # past the first end: nothing may happen, so there is nothing to wait for
            await asyncio.sleep(0.1)
            world.beat()
        assert stream.cut_by == []
        assert admitted(world.gate.decide(token, pull())).view.grant_id == "grt_longer"
        world.tell(closed(longer))
        await stream.is_cut.wait()
        assert stream.cut_by == [Reason.GRANT_REVOKED]

    on_loop(scenario)


@pytest.mark.parametrize("in_one_message", [True, False])
def test_stream_that_moved_to_an_extension_ends_with_it(
    live_world: World, token: str, in_one_message: bool
) -> None:  # fmt: skip
    """Found under the new grant, also when the end of the old one is told late, or never."""

    async def scenario() -> None:
        world = live_world
        world.gate.start()
        first, longer = make_view(token, now=NOW), make_view(token, now=NOW, grant_id="grt_longer")
        ended = replace(closed(first, Reason.GRANT_EXTENDED), leases=())
        world.load(first)
        stream = Stream()
        world.gate.watch(admitted(world.gate.decide(token, pull())), pull(), stream.cut)
        world.tell(*((longer, ended) if in_one_message else (longer,)))
        world.tell(closed(longer))
        assert world.gate.is_ready() is None  # the news are applied, and no beat was missed that would ask everybody
        assert stream.cut_by == [Reason.GRANT_REVOKED]

    on_loop(scenario)


def test_change_between_decision_and_watch_is_not_missed(live_world: World, token: str) -> None:
    async def scenario() -> None:
        world = live_world
        world.gate.start()
        view = make_view(token, now=NOW)
        world.load(view)
        admission = admitted(world.gate.decide(token, pull()))
        world.tell(closed(view))
        await asyncio.sleep(0)  # the news are applied; nothing is watched yet
        stream = Stream()
        world.gate.watch(admission, pull(), stream.cut)
        await asyncio.sleep(0)  # one turn of the loop, before any timer
        assert stream.cut_by == [Reason.GRANT_REVOKED]

    on_loop(scenario)


def test_exchange_that_ended_is_not_cut(live_world: World, token: str) -> None:
    async def scenario() -> None:
        world = live_world
        world.gate.start()
        view = make_view(token, now=NOW)
        world.load(view)
        admission = admitted(world.gate.decide(token, pull()))
        ended, running = Stream(), Stream()
        watch = world.gate.watch(admission, pull(), ended.cut)
        world.gate.watch(admission, pull(), running.cut)
        world.gate.unwatch(watch)
        world.gate.unwatch(watch)
        world.tell(closed(view))
        await running.is_cut.wait()
        assert ended.cut_by == []

    on_loop(scenario)


def test_one_cut_that_fails_does_not_save_the_others(live_world: World, token: str) -> None:
    async def scenario() -> None:
        world = live_world
        world.gate.start()
        view = make_view(token, now=NOW)
        world.load(view)
        admission = admitted(world.gate.decide(token, pull()))

        def break_down(_reason: Reason) -> None:
            raise RuntimeError("socket is gone")

        stream = Stream()
        world.gate.watch(admission, pull(), break_down)
        world.gate.watch(admission, pull(), stream.cut)
        world.tell(closed(view))
        await asyncio.sleep(0)  # one turn of the loop, before any timer
        assert stream.cut_by == [Reason.GRANT_REVOKED]

    on_loop(scenario)


def test_news_are_seen_by_a_recheck_before_the_loop_wakes(world: World, token: str) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    admission = admitted(world.gate.decide(token, pull()))
    epoch = world.gate.epoch
    world.tell(closed(view))
    assert world.gate.epoch > epoch
    assert world.gate.recheck(admission, pull()) is Reason.GRANT_REVOKED


def test_news_of_one_grant_ask_nobody_else(world: World, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [make_view(make_token(), now=NOW, grant_id=f"grt_{number}") for number in range(50)]
    view = make_view(token, now=NOW)
    world.load(view, *others)
    admission = admitted(world.gate.decide(token, pull()))
    world.gate.watch(admission, pull(), lambda _: None)
    asked: list[str] = []
    recheck = world.gate.recheck

    def count(admission: Admission, wanted: tuple[Any, ...]) -> Reason | None:
        asked.append(admission.view.grant_id)
        return recheck(admission, wanted)

    monkeypatch.setattr(world.gate, "recheck", count)
    for other in others:
        world.tell(closed(other))
    assert world.gate.is_ready() is None
    assert asked == []
    world.tell(closed(view))
    assert world.gate.is_ready() is None
    assert asked == ["grt_first"]

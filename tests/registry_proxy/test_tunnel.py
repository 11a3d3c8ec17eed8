"""Raw bytes between two ends that only remember what was done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from jit_access.domain.reasons import Reason
from registry_proxy.stream.sides import BodySink
from registry_proxy.stream.tunnel import Tunnel


class MemoryEnd:
    """A connection in memory."""

    def __init__(self, *, has_halves: bool = True) -> None:
        self.calls: list[str] = []
        self.written = b""
        self.is_open = True
        self.has_halves = has_halves
        self.waits: list[Callable[[], None]] | None = None  # a list: something is queued
        self.sink: BodySink | None = None
        self.here = b""

    def deliver_to(self, sink: BodySink) -> None:
        self.sink = sink
        if self.here:
            sink.on_data(self.here)

    def write(self, data: bytes) -> None:
        self.written += data

    def when_flushed(self, action: Callable[[], None]) -> None:
        if self.waits is None:
            action()
        else:
            self.waits.append(action)

    def end_writing(self) -> None:
        self.calls.append("end")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def abort(self) -> None:
        self.is_open = False
        self.calls.append("abort")

    def says(self, data: bytes) -> None:
        assert self.sink is not None
        self.sink.on_data(data)

    def ends(self) -> None:
        assert self.sink is not None
        self.sink.on_end()

    def is_lost(self) -> None:
        assert self.sink is not None
        self.sink.on_broken(Reason.UPSTREAM_BROKEN)


class Scene:
    """A tunnel whose guard says what the test wants it to."""

    def __init__(self, **ends: bool) -> None:
        self.verdict: Reason | None = None
        self.asked = 0
        self.client, self.upstream = MemoryEnd(**ends), MemoryEnd(**ends)
        self.tunnel = Tunnel(self.client, self.upstream, self._guard)

    def _guard(self) -> Reason | None:
        self.asked += 1
        return self.verdict

    def result(self) -> Reason | str | None:
        return self.tunnel.done.result() if self.tunnel.done.done() else "running"


def play(story: Callable[[Scene], None], **ends: bool) -> None:
    """Where futures can be made."""

    async def run() -> None:
        story(Scene(**ends))

    asyncio.run(run())


def test_bytes_pass_both_ways_and_each_slice_is_asked_about() -> None:
    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        scene.client.says(b"ping")
        scene.upstream.says(b"pong!")
        assert (scene.upstream.written, scene.client.written) == (b"ping", b"pong!")
        assert (scene.tunnel.moved_up, scene.tunnel.moved_down, scene.asked) == (4, 5, 2)

    play(story)


def test_bytes_right_behind_the_yes_go_first() -> None:
    def story(scene: Scene) -> None:
        scene.client.here, scene.upstream.here = b"early ", b"banner "
        scene.tunnel.begin()
        scene.client.says(b"late")
        assert (scene.upstream.written, scene.client.written) == (b"early late", b"banner ")

    play(story)


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_guard_cuts_before_the_slice_in_either_direction(side: str) -> None:
    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        scene.verdict = Reason.GRANT_REVOKED
        getattr(scene, side).says(b"after the end")
        assert scene.result() is Reason.GRANT_REVOKED
        assert scene.client.calls == scene.upstream.calls == ["abort"]
        assert scene.client.written == scene.upstream.written == b""
        scene.verdict = None
        getattr(scene, side).says(b"and later")
        assert scene.client.written == scene.upstream.written == b""

    play(story)


def test_first_slice_that_is_refused_stops_the_other_direction_too() -> None:
    def story(scene: Scene) -> None:
        scene.client.here, scene.upstream.here = b"early", b"banner"
        scene.verdict = Reason.BUDGET_SPENT
        scene.tunnel.begin()
        assert scene.client.sink is None
        assert scene.client.written == scene.upstream.written == b""

    play(story)


@pytest.mark.parametrize(("first", "second"), [("client", "upstream"), ("upstream", "client")])
def test_halves_end_one_by_one(first: str, second: str) -> None:
    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        getattr(scene, first).ends()
        assert scene.result() == "running"
        assert getattr(scene, second).calls == ["end"]
        getattr(scene, second).says(b"still here")
        assert getattr(scene, first).written == b"still here"
        getattr(scene, second).ends()
        assert scene.result() is None
        assert getattr(scene, first).calls == ["end"]

    play(story)


def test_end_is_passed_on_behind_what_is_queued() -> None:
    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        waits: list[Callable[[], None]] = []
        scene.upstream.waits = waits
        scene.client.says(b"long")
        scene.client.ends()
        scene.upstream.ends()
        assert scene.upstream.calls == []
        assert scene.result() == "running"
        for action in waits:
            action()
        assert scene.upstream.calls == ["end"]
        assert scene.result() is None

    play(story)


def test_side_without_halves_ends_both() -> None:
    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        scene.upstream.is_open = False
        scene.upstream.ends()
        assert scene.result() is None
        assert scene.client.calls == ["end"]

    play(story, has_halves=False)


@pytest.mark.parametrize(
    ("side", "reason"), [("client", Reason.CLIENT_WENT_AWAY), ("upstream", Reason.UPSTREAM_BROKEN)]
)  # fmt: skip
def test_lost_side_resets_the_other(side: str, reason: Reason) -> None:
    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        getattr(scene, side).is_lost()
        assert scene.result() is reason
        assert scene.client.calls == scene.upstream.calls == ["abort"]

    play(story)


@pytest.mark.parametrize(
    ("side", "other", "reason"),
    [("client", "upstream", Reason.UPSTREAM_AWAY), ("upstream", "client", Reason.CLIENT_WENT_AWAY)],
)
def test_bytes_for_a_side_that_is_gone_end_it(side: str, other: str, reason: Reason) -> None:
    """A side that ended its half and then vanished is noticed with the next slice for it."""

    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        getattr(scene, other).ends()
        getattr(scene, other).is_open = False
        getattr(scene, side).says(b"hello?")
        assert scene.result() is reason

    play(story)


def test_slower_side_holds_the_other_peer_back() -> None:
    def story(scene: Scene) -> None:
        scene.tunnel.begin()
        scene.tunnel.on_client_paused()
        scene.tunnel.on_client_resumed()
        scene.tunnel.on_write_paused()
        scene.tunnel.on_write_resumed()
        assert scene.upstream.calls == scene.client.calls == ["pause", "resume"]
        scene.tunnel.cut(Reason.GRANT_REVOKED)
        scene.tunnel.on_client_resumed()
        scene.tunnel.on_write_resumed()
        assert scene.upstream.calls[-1] == scene.client.calls[-1] == "abort"

    play(story)

"""Which heartbeats count, and when something must have been missed. And messages: read exactly, or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.session_view import ViewRejected, encode_view, sign_text
from registry_proxy.control_client.client import Pause
from registry_proxy.control_client.hearing import Hearing
from registry_proxy.control_client.messages import (
    Heartbeat,
    NewsPosition,
    Snapshot,
    TargetNews,
    ViewNews,
    open_message,
    parse_stream_id,
    read_heartbeat,
    read_news,
    read_snapshot,
)
from tests.support.views import make_token, make_view

NOW = 1_800_000_000.0
KEY = b"k" * 32


def position(last: int = 5, added: int = 5, birth: str = "b1") -> NewsPosition:
    return NewsPosition((last, 0), added, birth)


def hearing() -> Hearing:
    return Hearing(Snapshot(NOW, position(), (), (), heard=100.0))


def beat(after_s: float, *, delay_s: float = 0.0, **place: object) -> Heartbeat:
    heard = 100.0 + after_s + delay_s
    return Heartbeat(NOW + after_s, position(**place), heard, heard)  # type: ignore[arg-type]  # place holds its fields


def test_beat_in_time_counts_and_shows_its_age() -> None:
    state = hearing()
    heard = state.hear(beat(0.25))
    assert heard is not None
    assert heard.fresh_at == pytest.approx(100.25)
    delayed = state.hear(beat(0.5, delay_s=0.4))
    assert delayed is not None
    assert delayed.fresh_at == pytest.approx(100.5, abs=0.001)


def test_same_beat_counts_once() -> None:
    state = hearing()
    assert state.hear(beat(0.25)) is not None
    assert state.hear(beat(0.25, delay_s=0.1)) is None
    assert state.hear(beat(0.2, delay_s=0.1)) is None
    assert state.hear(beat(0.5)) is not None


def test_beat_that_was_held_back_keeps_nothing_alive() -> None:
    state = hearing()
    assert state.hear(beat(0.25)) is not None
    assert state.hear(beat(0.5, delay_s=1.1)) is None
    assert state.last_beat == pytest.approx(100.25)
    assert state.hear(beat(2.0)) is not None


def test_gap_is_told_from_no_gap() -> None:
    state = hearing()
    assert state.find_gap(None) is None
    assert state.find_gap(beat(1)) is None
    assert state.find_gap(beat(1, last=6, added=6)) == "gap"
    state.count((6, 0), heard=101.0)
    assert state.find_gap(beat(1, last=6, added=6)) is None
    assert state.find_gap(beat(1)) is None  # sent before the entry that we have already
    assert state.find_gap(beat(1, last=6, added=7)) == "gap"  # one in between was deleted
    assert state.find_gap(beat(1, last=6, added=6, birth="b2")) == "birth"


def test_beat_behind_what_was_read_is_a_gap_once_it_is_no_crossing() -> None:
    """The stream was deleted, and what came after it has smaller ids: nothing of that would ever be read."""
    state = hearing()
    state.count((9, 0), heard=100.2)
    crossing, later = state.hear(beat(0.25)), state.hear(beat(1.0))
    assert crossing is not None
    assert later is not None
    assert state.find_gap(crossing) is None
    assert state.find_gap(later) == "behind"


@pytest.mark.parametrize(("age_s", "gap"), [(0.0, None), (0.9, None), (1.1, "stale"), (3600.0, "stale")])
def test_snapshot_from_before_it_was_asked_for_is_found_by_the_first_beat(age_s: float, gap: str | None) -> None:
    taken = Snapshot(NOW - age_s, position(), (), (), heard=100.0, asked=100.0)
    state = Hearing(taken)
    first = state.hear(beat(0.25))
    assert first is not None
    assert state.find_gap(first) == gap


def test_snapshot_that_took_long_on_its_way_is_not_old() -> None:
    state = Hearing(Snapshot(NOW - 4, position(), (), (), heard=100.0, asked=95.9))
    first = state.hear(beat(0.25))
    assert first is not None
    assert state.find_gap(first) is None


def signed(body: object) -> tuple[str, str]:
    text = json.dumps(body)
    return text, sign_text(text, KEY)


def test_message_opens_only_with_its_signature() -> None:
    text, signature = signed({"type": "targets"})
    assert open_message(text, signature, KEY) == {"type": "targets"}
    for bad in ("", "00", signature[:-1], signature.upper(), "ü"):
        with pytest.raises(ViewRejected):
            open_message(text, bad, KEY)
    with pytest.raises(ViewRejected):
        open_message(text + " ", signature, KEY)
    with pytest.raises(ViewRejected):
        open_message(text, signature, b"x" * 32)


@pytest.mark.parametrize("body", [[], "text", 1, None])
def test_signed_message_that_is_no_object_is_rejected(body: object) -> None:
    with pytest.raises(ViewRejected):
        open_message(*signed(body), KEY)


def test_news_are_read() -> None:
    view = make_view(make_token())
    assert read_news({"type": "views", "views": [encode_view(view)]}, at=(1, 0)) == ViewNews((view,), (1, 0))
    assert read_news({"type": "targets"}, at=(1, 0)) == TargetNews()


@pytest.mark.parametrize(
    "body",
    [{}, {"type": "other"}, {"type": "views"}, {"type": "views", "views": [1]}, {"type": "views", "views": ["{}"]}],
)
def test_news_of_another_shape_are_rejected(body: dict[str, object]) -> None:
    with pytest.raises(ViewRejected):
        read_news(body, at=(1, 0))


GOOD_BEAT: dict[str, object] = {"type": "heartbeat", "db_now": NOW, "position": "5-0", "added": 5, "birth": "b1"}


def test_heartbeat_is_read() -> None:
    assert read_heartbeat(GOOD_BEAT, heard=1.0) == Heartbeat(NOW, position(), 1.0, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"db_now": "now"},
        {"db_now": float("nan")},
        {"db_now": float("inf")},
        {"position": "5"},
        {"position": 5},
        {"birth": ""},
        {"added": "5"},
        {"type": "views"},
    ],
)
def test_heartbeat_of_another_shape_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(ViewRejected):
        read_heartbeat(GOOD_BEAT | change, heard=1.0)


GOOD_SNAPSHOT: dict[str, object] = {
    "v": 1,
    "db_now": NOW,
    "position": "5-0",
    "added": 5,
    "birth": "b1",
    "views": [],
    "targets": [
        {"slug": "s", "kind": "oci", "base_url": "http://h", "username": "u", "password": "p", "allow_private": True}
    ],
}


def test_snapshot_is_read_and_reuses_what_did_not_change() -> None:
    view = make_view(make_token())
    text = encode_view(view)
    snapshot = read_snapshot(GOOD_SNAPSHOT | {"views": [text]}, heard=1.0, known={})
    assert snapshot.views == (view,)
    assert snapshot.targets[0].password.reveal() == "p"
    again = read_snapshot(GOOD_SNAPSHOT | {"views": [text]}, heard=1.0, known={text: view})
    assert again.views[0] is view


@pytest.mark.parametrize("change", [{"v": 2}, {"views": ["{}"]}, {"views": 1}, {"targets": [{}]}, {"db_now": "nan"}])
def test_snapshot_of_another_shape_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(ViewRejected):
        read_snapshot(GOOD_SNAPSHOT | change, heard=1.0, known={})


@given(st.text(max_size=40))
def test_stream_ids_are_read_or_rejected(text: str) -> None:
    try:
        first, second = parse_stream_id(text)
    except ViewRejected:
        return
    assert first >= 0
    assert second >= 0


def test_pause_grows_in_trouble_and_is_gone_when_it_was_calm() -> None:
    pause = Pause()
    assert pause.next(0.0) == 0
    lengths = [pause.next(float(second) / 10) for second in range(1, 8)]
    assert 0 < lengths[0] <= 0.1
    assert 1.0 <= lengths[-1] <= 2.0
    assert pause.next(60.0) == 0

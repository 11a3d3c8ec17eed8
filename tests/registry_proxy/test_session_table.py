"""What the table holds, and what time it is by the database."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, ViewState
from jit_access.domain.tokens import hash_token
from registry_proxy.control_client.messages import NewsPosition, Snapshot, ViewNews
from registry_proxy.session_table import NewsClock, SessionTable
from registry_proxy.session_table.clock import MAX_SLEW
from registry_proxy.session_table.table import REMEMBERED_S
from tests.support.views import closed, make_token, make_view

NOW = 1_800_000_000.0
TOKEN = make_token()
HASH = hash_token(TOKEN)


def news(*views: SessionView, at: int = 1) -> list[ViewNews]:
    return [ViewNews(views, (at, 0))]


def snapshot(*views: SessionView, at: int = 1) -> Snapshot:
    return Snapshot(NOW, NewsPosition((at, 0), at, "birth"), views, (), 0.0)


def reason_now(table: SessionTable, token_hash: str = HASH) -> Reason | None:
    holder = table.find(token_hash)
    assert holder is not None
    return holder.refusal_at(NOW)


def test_closed_view_is_held_until_the_latest_end_ever_told() -> None:
    """Else an old open view, played back, would find no higher epoch in its way."""
    table = SessionTable()
    view = make_view(TOKEN, now=NOW)
    table.apply_news(news(view))
    table.apply_news(news(replace(closed(view), valid_until=NOW)))
    table.forget_ended(view.valid_until + REMEMBERED_S - 1)
    table.apply_news(news(view))
    assert reason_now(table) is Reason.GRANT_REVOKED
    table.forget_ended(view.valid_until + REMEMBERED_S + 1)
    assert len(table) == 0
    assert table.find(HASH) is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_token_that_moves_belongs_to_the_open_grant_in_any_order(order: tuple[int, int]) -> None:
    table = SessionTable()
    first = make_view(TOKEN, now=NOW)
    table.apply_news(news(first))
    views = (closed(first, Reason.GRANT_EXTENDED), make_view(TOKEN, now=NOW, grant_id="grt_longer"))
    table.apply_news(news(*(views[index] for index in order)))
    assert reason_now(table) is None
    # A later word about the ended grant does not take the token back.
    table.apply_news(news(replace(views[0], epoch=9)))
    assert reason_now(table) is None


def test_snapshot_drops_only_what_it_could_have_known() -> None:
    table = SessionTable()
    old, new = make_view(TOKEN, now=NOW), make_view(make_token(), now=NOW, grant_id="grt_new")
    table.apply_news(news(old, at=5))
    table.apply_news(news(new, at=7))
    table.apply_snapshot(snapshot(at=6))
    assert table.view(old.grant_id) is None
    assert table.find(HASH) is None
    assert table.view(new.grant_id) == new


EPOCHS = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(ViewState)), min_size=1, max_size=12)


@given(EPOCHS)
def test_highest_epoch_wins_in_whatever_order_views_come(told: list[tuple[int, ViewState]]) -> None:
    by_epoch = dict(reversed(told))  # of equal epochs, the first one told
    table = SessionTable()
    for epoch, state in told:
        reason = Reason.GRANTED if state is ViewState.OPEN else Reason.GRANT_REVOKED
        table.apply_news(news(make_view(TOKEN, now=NOW, epoch=epoch, state=state, reason=reason)))
    view = table.view("grt_first")
    assert view is not None
    assert view.epoch == max(by_epoch)
    assert view.state is by_epoch[max(by_epoch)]


def test_clock_is_unknown_before_the_first_word() -> None:
    clock = NewsClock(lambda: 5.0)
    assert not clock.is_set
    assert clock.now() == -math.inf
    assert clock.age() == math.inf


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(-100, 100)), min_size=1, max_size=30))
def test_database_time_never_goes_back(steps: list[tuple[float, float]]) -> None:
    ticks = 0.0
    clock = NewsClock(lambda: ticks)
    clock.hear_time(NOW, heard=0.0)
    before = clock.now()
    for passed, jump in steps:
        ticks += passed
        clock.hear_time(NOW + ticks + jump, heard=ticks)
        assert clock.now() >= before
        assert clock.now() >= NOW + ticks * (1 - MAX_SLEW) - 1e-3
        before = clock.now()


def test_drift_of_this_machines_clock_does_not_add_up() -> None:
    """A machine that is 50 ppm fast, for a day: without giving way, grants would end 4 s early."""
    ticks = 0.0
    clock = NewsClock(lambda: ticks)
    for second in range(0, 86_400, 10):
        ticks = second * (1 + 50e-6)
        clock.hear_time(NOW + second, heard=ticks)
    assert abs(clock.now() - (NOW + 86_390)) < 0.01


def test_delayed_word_does_not_slow_the_clock() -> None:
    ticks = 0.0
    clock = NewsClock(lambda: ticks)
    clock.hear_time(NOW, heard=0.0)
    ticks = 10.0
    ahead = clock.hear_time(NOW + 2, heard=10.0)  # eight seconds on its way
    assert clock.now() == pytest.approx(NOW + 10, abs=0.01)
    assert ahead == pytest.approx(8, abs=0.01)

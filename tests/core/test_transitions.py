"""One function moves state: only along the table, and only for whoever saw the present state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q

from jit_access.core import clock as core_clock
from jit_access.core.ids import new_id, new_record_id, new_token_id, new_token_secret
from jit_access.core.transitions import move
from jit_access.domain.errors import Conflict
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token, parse_token
from jit_access.grants.models import Grant
from tests.support.cast import Cast
from tests.support.lifecycles import TINY, make_world, scheduled

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(cast: Cast) -> Grant:
    return scheduled(make_world(cast), TINY)


def test_a_legal_move_changes_state_version_and_fields_together(grant: Grant) -> None:
    version = grant.version
    move(grant, GrantState.ENDED, end_reason=Reason.GRANT_RELINQUISHED)
    stored = Grant.objects.get(pk=grant.pk)
    assert (stored.state, stored.version, stored.end_reason) == ("ended", version + 1, "grant-relinquished")
    assert (grant.state, grant.version, grant.end_reason) == ("ended", version + 1, "grant-relinquished")


def test_an_illegal_move_changes_nothing(grant: Grant) -> None:
    with pytest.raises(Conflict):
        move(grant, GrantState.ACTIVE)
    assert Grant.objects.get(pk=grant.pk).state == grant.state == GrantState.SCHEDULED


def test_the_second_of_two_who_saw_the_same_state_loses(grant: Grant) -> None:
    late = Grant.objects.get(pk=grant.pk)
    move(grant, GrantState.ENDED)
    with pytest.raises(Conflict) as lost:
        move(late, GrantState.ENDED, end_reason="late")
    assert lost.value.reason is Reason.STATE_CHANGED
    assert (late.state, Grant.objects.get(pk=grant.pk).end_reason) == (GrantState.SCHEDULED, "")


def test_the_version_counts_even_when_the_state_is_the_same_again(grant: Grant) -> None:
    late = Grant.objects.get(pk=grant.pk)
    Grant.objects.filter(pk=grant.pk).update(version=grant.version + 2)
    with pytest.raises(Conflict):
        move(late, GrantState.ENDED)


def test_a_guard_is_judged_inside_the_statement(grant: Grant) -> None:
    with pytest.raises(Conflict):
        move(grant, GrantState.ENDED, guard=Q(start_by__lt=core_clock.now()))
    move(grant, GrantState.ENDED, guard=Q(start_by__gt=core_clock.now()))


def test_the_clock_is_the_databases_and_moves_only_in_tests(clock: Any) -> None:
    before = core_clock.now()
    assert before.tzinfo is UTC
    assert abs(datetime.now(UTC) - before) < timedelta(minutes=1)
    assert clock.advance(hours=1) >= before + timedelta(hours=1)
    assert core_clock.format_instant(datetime(2026, 11, 23, 13, 55, 10, 5, UTC)) == "2026-11-23T13:55:10.000005Z"


def test_ids_say_their_kind_and_do_not_repeat() -> None:
    ids = {new_id("grt") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(item) == 24 and item.startswith("grt_") and item == item.lower() for item in ids)
    assert len({new_record_id() for _ in range(1000)}) == 1000
    assert parse_token(format_token(TokenKind.API, new_token_id(), new_token_secret()))

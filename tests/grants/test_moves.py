"""All pairs of states: what the table allows moves, everything else raises and changes nothing.

Glide's isCancellable is true for a declined request (anchors 3.2 no. 32): legality is a table here, not an `if`.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q

from jit_access.core import clock
from jit_access.core.transitions import move
from jit_access.domain.errors import Conflict
from jit_access.domain.lifecycle import (
    GRANT_MOVES,
    LEASE_MOVES,
    REQUEST_MOVES,
    GrantState,
    LeaseState,
    RequestState,
    is_legal,
)
from jit_access.domain.reasons import Reason
from jit_access.grants import services
from tests.support.lifecycles import TINY, World, active, ask, reload

TABLES = {RequestState: REQUEST_MOVES, GrantState: GRANT_MOVES, LeaseState: LEASE_MOVES}


def stand_in(world: World, kind: type) -> object:
    """A real row; the tests below put it into each state, since this is about the table and not about services."""
    if kind is RequestState:
        return ask(world, TINY)
    grant = active(world, TINY)
    return grant if kind is GrantState else services.issue_token(grant=grant, actor=world.cast.ada).lease


def put(row, state) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(state=state)
    row.refresh_from_db()


@pytest.mark.parametrize("kind", [RequestState, GrantState, LeaseState])
def test_every_pair_of_states(world: World, kind: type) -> None:
    row = stand_in(world, kind)
    for old, new in product(kind, kind):
        put(row, old)
        version = row.version
        if (old, new) in TABLES[kind]:
            move(row, new)
            assert (reload(row).state, reload(row).version) == (new, version + 1)
        else:
            with pytest.raises(Conflict) as refusal:
                move(row, new)
            assert refusal.value.reason is Reason.STATE_CHANGED
            assert (reload(row).state, reload(row).version) == (old, version)


@pytest.mark.parametrize("kind", [RequestState, GrantState, LeaseState])
def test_database_knows_the_states_too(world: World, kind: type) -> None:
    row = stand_in(world, kind)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(row)._default_manager.filter(pk=row.pk).update(state="approved-ish")


def test_stale_row_moves_nothing(world: World) -> None:
    first = active(world, TINY)
    second = reload(first)
    move(first, GrantState.SUSPENDED)
    with pytest.raises(Conflict):
        move(second, GrantState.REVOKING)
    assert reload(first).state == GrantState.SUSPENDED


def test_deadline_is_part_of_the_statement(world: World) -> None:
    request = ask(world, TINY)
    with pytest.raises(Conflict):
        move(request, RequestState.APPROVED, guard=Q(answer_by__lte=clock.now()))
    move(request, RequestState.APPROVED, guard=Q(answer_by__gt=clock.now()))


def test_states_of_different_things_never_mix() -> None:
    assert not is_legal(RequestState.PENDING, GrantState.ENDED)
    assert is_legal(GrantState.REVOKE_FAILED, GrantState.ENDED)


def test_active_grant_has_an_end_in_the_database(world: World) -> None:
    grant = active(world, TINY)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(grant).objects.filter(pk=grant.pk).update(valid_until=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(grant).objects.filter(pk=grant.pk).update(valid_until=grant.activated_at - timedelta(seconds=1))

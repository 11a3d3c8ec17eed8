"""The tables of legal moves keep the promises that the design makes."""

from __future__ import annotations

from enum import StrEnum
from itertools import product

import pytest

from jit_access.domain.lifecycle import (
    GRANT_MOVES,
    LEASE_MOVES,
    LIVE_GRANT_STATES,
    LIVE_LEASE_STATES,
    REQUEST_MOVES,
    GrantState,
    LeaseState,
    RequestState,
    is_legal,
)

Moves = frozenset[tuple[StrEnum, StrEnum]]
TABLES: dict[type[StrEnum], Moves] = {
    RequestState: frozenset(REQUEST_MOVES),
    GrantState: frozenset(GRANT_MOVES),
    LeaseState: frozenset(LEASE_MOVES),
}
ENDS: dict[type[StrEnum], set[StrEnum]] = {
    RequestState: set(RequestState) - {RequestState.PENDING},
    GrantState: {GrantState.ENDED, GrantState.ACTIVATION_FAILED},
    LeaseState: {LeaseState.REVOKED, LeaseState.EXPIRED},
}


def reachable(start: StrEnum, moves: Moves) -> set[StrEnum]:
    found, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for old, new in moves:
            if old == state and new not in found:
                found.add(new)
                todo.append(new)
    return found


@pytest.mark.parametrize("kind", TABLES)
def test_exactly_the_ends_have_no_way_out(kind: type[StrEnum]) -> None:
    assert {state for state in kind if not any(old == state for old, _ in TABLES[kind])} == ENDS[kind]


@pytest.mark.parametrize("kind", TABLES)
def test_every_state_can_come_to_an_end(kind: type[StrEnum]) -> None:
    for state in kind:
        assert reachable(state, TABLES[kind]) & ENDS[kind], state


@pytest.mark.parametrize("kind", TABLES)
def test_nothing_stands_apart_and_nothing_moves_to_itself(kind: type[StrEnum]) -> None:
    first = next(iter(kind))
    assert reachable(first, TABLES[kind]) == set(kind)
    assert not any(old == new for old, new in TABLES[kind])


@pytest.mark.parametrize(
    "state", [GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED, GrantState.REVOKE_FAILED]
)
def test_revoking_is_legal_wherever_access_may_exist(state: GrantState) -> None:
    assert is_legal(state, GrantState.REVOKING)


def test_a_failed_revocation_is_never_the_end() -> None:
    assert is_legal(GrantState.REVOKE_FAILED, GrantState.REVOKING)
    assert is_legal(LeaseState.REVOKE_FAILED, LeaseState.REVOKING)
    assert not is_legal(GrantState.REVOKE_FAILED, GrantState.ACTIVE)


def test_what_ended_never_lives_again() -> None:
    live_again = {(old, new) for old, new in GRANT_MOVES if old not in LIVE_GRANT_STATES and new in LIVE_GRANT_STATES}
    assert live_again == set()
    usable_again = {(old, new) for old, new in LEASE_MOVES if old not in LIVE_LEASE_STATES and new in LIVE_LEASE_STATES}
    assert usable_again == {(LeaseState.INTENT, LeaseState.ISSUED)}


def test_only_the_table_is_legal_and_kinds_do_not_mix() -> None:
    for kind, other in product(TABLES, TABLES):
        for old, new in product(kind, other):
            assert is_legal(old, new) == (kind is other and (old, new) in TABLES[kind])

"""Access goes only when the last live claim on it ends (AWS TEAM #104, #279; Glide #88 get this wrong)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.claims import Claim, entitlements_to_remove

claims = st.lists(st.builds(Claim, st.integers(1, 4), st.integers(1, 4), st.booleans()), max_size=12)


def test_the_first_of_two_overlapping_grants_takes_nothing_away() -> None:
    both = [Claim(1, 10, True), Claim(1, 11, True)]
    assert entitlements_to_remove(10, both) == frozenset()
    assert entitlements_to_remove(10, [Claim(1, 10, True), Claim(1, 11, False)]) == {1}


def test_back_to_back_grants_do_not_cut_each_other_off() -> None:
    assert entitlements_to_remove(10, [Claim(1, 10, True), Claim(1, 11, True), Claim(2, 10, True)]) == {2}


@given(st.integers(1, 4), claims)
def test_exactly_what_only_the_ending_grant_holds_goes(ending: int, held: list[Claim]) -> None:
    expected = {
        claim.entitlement_id
        for claim in held
        if claim.grant_id == ending
        and not any(
            other.is_live and other.grant_id != ending and other.entitlement_id == claim.entitlement_id
            for other in held
        )
    }
    assert entitlements_to_remove(ending, held) == expected


@given(claims, st.permutations(range(1, 5)))
def test_in_whatever_order_grants_end_everything_goes_once(held: list[Claim], order: list[int]) -> None:
    live = [Claim(claim.entitlement_id, claim.grant_id, True) for claim in held]
    removed: list[int] = []
    for ending in order:
        removed += entitlements_to_remove(ending, live)
        live = [claim for claim in live if claim.grant_id != ending]
    assert sorted(removed) == sorted({claim.entitlement_id for claim in held})

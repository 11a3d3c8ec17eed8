"""`@break_glass` as policy reads it: bounded, and taken away by any rule that does not say it."""

from __future__ import annotations

import pytest

from jit_access.policies.answers import Terms, strictest
from jit_access.policies.rules import parse_break_glass


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1h", 3600), ("90s", 90)])
def test_a_short_time_is_read(text: str, seconds: int) -> None:
    assert parse_break_glass(text) == seconds


@pytest.mark.parametrize("text", ["61m", "2h", "1d", "", "always", "0m"])
def test_anything_longer_or_vaguer_breaks_the_policy(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|longer than"):
        parse_break_glass(text)


@pytest.mark.parametrize(("first", "second", "both"), [(1800, 600, 600), (1800, 0, 0), (0, 0, 0)])
def test_the_shortest_counts_and_none_is_none(first: int, second: int, both: int) -> None:
    every = (Terms(3600, break_glass_s=first), Terms(3600, break_glass_s=second))
    assert strictest(every).break_glass_s == strictest(reversed(every)).break_glass_s == both

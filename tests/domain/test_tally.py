from __future__ import annotations

from jit_access.domain.tally import Tally, is_worth_a_record


def test_each_key_is_counted_by_itself_within_its_window() -> None:
    tally = Tally(window_s=60)
    assert [tally.add("a", now=at) for at in (0.0, 1.0, 59.9)] == [1, 2, 3]
    assert tally.add("b", now=59.9) == 1
    assert (tally.count("a", now=59.9), tally.count("c", now=59.9)) == (3, 0)
    assert (tally.count("a", now=60.0), tally.add("a", now=60.0)) == (0, 1)


def test_more_keys_than_are_kept_count_as_one_crowd() -> None:
    tally = Tally(keys_max=3)
    counts = [tally.add(str(number), now=0.0) for number in range(10)]
    assert counts == [1, 1, 1, 1, 2, 3, 4, 5, 6, 7]


def test_records_grow_with_the_logarithm_of_what_happens() -> None:
    written = [count for count in range(1, 1_000_001) if is_worth_a_record(count, free=10)]
    assert written[:12] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32]
    assert len(written) < 30

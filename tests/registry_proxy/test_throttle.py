"""Counting requests and streams, at the edges of a rate and of a burst."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.reasons import Reason
from registry_proxy.settings import Limits
from registry_proxy.throttle import Buckets, Throttle


def test_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Buckets(per_s=2, burst=3)
    assert [bucket.take("a", 10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take("b", 10.0)
    assert not bucket.take("a", 10.4)
    assert bucket.take("a", 10.5)
    assert not bucket.take("a", 10.5)
    assert [bucket.take("a", 99.0) for _ in range(4)] == [True, True, True, False]


def test_whoever_waits_gets_on_although_it_asked_too_early() -> None:
    bucket = Buckets(per_s=1, burst=1)
    assert bucket.take("a", 0.0)
    assert not any(bucket.take("a", number / 100) for number in range(100))
    assert bucket.take("a", 1.0)


@given(
    st.integers(1, 50), st.integers(1, 20), st.lists(st.floats(0, 3), min_size=1, max_size=120).map(sorted)
)  # fmt: skip
def test_no_window_holds_more_than_burst_and_rate(per_s: int, burst: int, instants: list[float]) -> None:
    bucket = Buckets(per_s, burst)
    taken = [at for at in instants if bucket.take("a", at)]
    for number, begin in enumerate(taken):
        for count, end in enumerate(taken[number:], start=1):
            assert count <= burst + per_s * (end - begin) + 1e-6


def test_keys_beyond_the_limit_share_one_bucket_and_full_ones_are_forgotten() -> None:
    bucket = Buckets(per_s=1, burst=2, keys_max=2)
    assert all(bucket.take(key, 0.0) for key in ("a", "b", "c", "d"))
    assert not bucket.take("e", 0.0)
    assert bucket.take("a", 0.0)
    assert bucket.take("e", 9.0)
    assert len(bucket) <= 3


def test_streams_of_one_grant_are_counted_while_they_run() -> None:
    throttle = Throttle(Limits(streams_per_grant=2), ticks=lambda: 0.0)
    assert [throttle.begin("grt_a"), throttle.begin("grt_a")] == [None, None]
    assert throttle.begin("grt_a") is Reason.TOO_MANY_STREAMS
    assert throttle.begin("grt_b") is None
    throttle.end("grt_a")
    assert throttle.begin("grt_a") is None


def test_requests_of_one_grant_and_of_one_network_have_a_rate() -> None:
    limits = Limits(
        requests_per_grant=1, request_burst_per_grant=2, requests_per_address=1, request_burst_per_address=3
    )  # fmt: skip
    throttle = Throttle(limits, ticks=lambda: 0.0)
    assert [throttle.begin("grt_a") for _ in range(3)] == [None, None, Reason.RATE_LIMITED]
    assert [throttle.may_ask("192.0.2.1") for _ in range(4)] == [True, True, True, False]
    assert throttle.may_ask("192.0.2.2")

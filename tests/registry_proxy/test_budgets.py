"""What is left of a budget: never counted twice, never forgotten, and shared with the other proxies."""

from __future__ import annotations

from dataclasses import replace

from jit_access.domain.reasons import Reason
from registry_proxy.control_client import Counts
from registry_proxy.gate.budgets import Account, Budgets
from tests.support.views import make_token, make_view

VIEW = make_view(make_token(), byte_budget=1000)


def account_of(budgets: Budgets, **changes: int) -> Account:
    account = budgets.find(replace(VIEW, **changes))
    assert account is not None
    return account


def test_grant_without_a_budget_has_no_account() -> None:
    assert Budgets().find(replace(VIEW, byte_budget=0)) is None
    assert Budgets().refusal(replace(VIEW, byte_budget=0, bytes_used=10**12)) is None


def test_last_byte_of_a_budget_spends_it() -> None:
    budgets = Budgets()
    account_of(budgets).moved.made = 999
    assert budgets.refusal(VIEW) is None
    account_of(budgets).moved.made = 1000
    assert budgets.refusal(VIEW) is Reason.BUDGET_SPENT


def test_what_others_moved_counts() -> None:
    budgets = Budgets()
    account_of(budgets, bytes_used=600).moved.made = 399
    assert budgets.refusal(VIEW) is None
    assert budgets.refusal(replace(VIEW, bytes_used=601)) is Reason.BUDGET_SPENT


def test_own_bytes_in_a_sum_count_once() -> None:
    budgets = Budgets()
    account_of(budgets).moved.made = 300
    due = budgets.collect()
    assert due == {VIEW.grant_id: Counts(300)}
    budgets.learn(due, {VIEW.grant_id: Counts(700)})  # 400 of others
    account_of(budgets).moved.made = 599
    assert budgets.refusal(VIEW) is None
    account_of(budgets).moved.made = 600
    assert budgets.refusal(VIEW) is Reason.BUDGET_SPENT


def test_view_that_overtakes_the_answer_cuts_nothing_too_early() -> None:
    budgets = Budgets()
    account_of(budgets).moved.made = 600
    due = budgets.collect()
    assert budgets.refusal(replace(VIEW, bytes_used=600)) is None  # the news of our own report
    budgets.learn(due, {VIEW.grant_id: Counts(600)})
    account_of(budgets).moved.made = 999
    assert budgets.refusal(VIEW) is None


def test_report_that_was_lost_is_told_again() -> None:
    budgets = Budgets()
    account_of(budgets).moved.made = 300
    assert budgets.collect() == budgets.collect() == {VIEW.grant_id: Counts(300)}
    account_of(budgets, bytes_used=100)  # news of somebody else's bytes are no answer
    assert budgets.collect() == {VIEW.grant_id: Counts(300)}
    budgets.learn({VIEW.grant_id: Counts(300)}, {VIEW.grant_id: Counts(400)})
    assert budgets.collect() == {}


def test_late_answers_take_nothing_back() -> None:
    budgets = Budgets()
    account_of(budgets).moved.made = 300
    budgets.learn({VIEW.grant_id: Counts(300)}, {VIEW.grant_id: Counts(900)})
    budgets.learn({VIEW.grant_id: Counts(100)}, {VIEW.grant_id: Counts(100)})
    assert account_of(budgets, bytes_used=50).moved.used == 900
    account_of(budgets).moved.made = 400
    assert budgets.refusal(VIEW) is Reason.BUDGET_SPENT


def test_grant_that_lost_its_budget_is_reported_no_more() -> None:
    """The control plane leaves it out of its answer; asking again and again would be for nothing."""
    budgets = Budgets()
    account_of(budgets).moved.made = 300
    budgets.learn(budgets.collect(), {})
    assert budgets.collect() == {}


def test_ended_grant_is_forgotten() -> None:
    budgets = Budgets()
    account_of(budgets).moved.made = 300
    budgets.forget(VIEW.grant_id)
    assert budgets.collect() == {}


REQUESTS = replace(VIEW, byte_budget=0, request_budget=3)


def test_request_budget_is_spent_by_requests_alone() -> None:
    budgets = Budgets()
    for _ in range(3):
        assert budgets.refusal(REQUESTS) is None
        budgets.count_request(REQUESTS)
    account = budgets.find(REQUESTS)
    assert account is not None
    account.moved.made = 10**15
    assert budgets.refusal(REQUESTS) is Reason.REQUEST_BUDGET_SPENT
    assert budgets.refusal(replace(REQUESTS, request_budget=4)) is None


def test_request_that_is_counted_may_ask_on() -> None:
    budgets = Budgets()
    for _ in range(3):
        budgets.count_request(REQUESTS)
    assert budgets.refusal(REQUESTS, is_counted=True) is None
    assert budgets.refusal(replace(REQUESTS, byte_budget=5, bytes_used=5), is_counted=True) is Reason.BUDGET_SPENT


def test_requests_of_others_count_and_own_ones_count_once() -> None:
    budgets = Budgets()
    budgets.count_request(REQUESTS)
    due = budgets.collect()
    assert due == {VIEW.grant_id: Counts(0, 1)}
    budgets.learn(due, {VIEW.grant_id: Counts(0, 2)})
    assert budgets.collect() == {}
    assert budgets.refusal(REQUESTS) is None
    budgets.count_request(REQUESTS)
    assert budgets.refusal(REQUESTS) is Reason.REQUEST_BUDGET_SPENT
    assert budgets.refusal(replace(REQUESTS, request_budget=4, requests_used=2)) is None
    assert budgets.refusal(replace(REQUESTS, request_budget=4, requests_used=4)) is Reason.REQUEST_BUDGET_SPENT


def test_control_plane_that_counts_no_requests_takes_nothing_back() -> None:
    """Of the version before: its answer names bytes only."""
    budgets = Budgets()
    budgets.count_request(REQUESTS)
    budgets.learn(budgets.collect(), {VIEW.grant_id: Counts(0, 0)})
    assert budgets.refusal(replace(REQUESTS, request_budget=1)) is Reason.REQUEST_BUDGET_SPENT

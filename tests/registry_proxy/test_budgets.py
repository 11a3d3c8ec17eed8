"""What is left of a byte budget: never counted twice, never forgotten, and shared with the other proxies."""

from __future__ import annotations

from dataclasses import replace

from jit_access.domain.reasons import Reason
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
    account_of(budgets).moved = 999
    assert budgets.refusal(VIEW) is None
    account_of(budgets).moved = 1000
    assert budgets.refusal(VIEW) is Reason.BUDGET_SPENT


def test_what_others_moved_counts() -> None:
    budgets = Budgets()
    account_of(budgets, bytes_used=600).moved = 399
    assert budgets.refusal(VIEW) is None
    assert budgets.refusal(replace(VIEW, bytes_used=601)) is Reason.BUDGET_SPENT


def test_own_bytes_in_a_sum_count_once() -> None:
    budgets = Budgets()
    account_of(budgets).moved = 300
    due = budgets.collect()
    assert due == {VIEW.grant_id: 300}
    budgets.learn(due, {VIEW.grant_id: 700})  # 400 of others
    account_of(budgets).moved = 599
    assert budgets.refusal(VIEW) is None
    account_of(budgets).moved = 600
    assert budgets.refusal(VIEW) is Reason.BUDGET_SPENT


def test_view_that_overtakes_the_answer_cuts_nothing_too_early() -> None:
    budgets = Budgets()
    account_of(budgets).moved = 600
    due = budgets.collect()
    assert budgets.refusal(replace(VIEW, bytes_used=600)) is None  # the news of our own report
    budgets.learn(due, {VIEW.grant_id: 600})
    account_of(budgets).moved = 999
    assert budgets.refusal(VIEW) is None


def test_report_that_was_lost_is_told_again() -> None:
    budgets = Budgets()
    account_of(budgets).moved = 300
    assert budgets.collect() == budgets.collect() == {VIEW.grant_id: 300}
    account_of(budgets, bytes_used=100)  # news of somebody else's bytes are no answer
    assert budgets.collect() == {VIEW.grant_id: 300}
    budgets.learn({VIEW.grant_id: 300}, {VIEW.grant_id: 400})
    assert budgets.collect() == {}


def test_late_answers_take_nothing_back() -> None:
    budgets = Budgets()
    account_of(budgets).moved = 300
    budgets.learn({VIEW.grant_id: 300}, {VIEW.grant_id: 900})
    budgets.learn({VIEW.grant_id: 100}, {VIEW.grant_id: 100})
    assert account_of(budgets, bytes_used=50).used == 900
    account_of(budgets).moved = 400
    assert budgets.refusal(VIEW) is Reason.BUDGET_SPENT


def test_grant_that_lost_its_budget_is_reported_no_more() -> None:
    """The control plane leaves it out of its answer; asking again and again would be for nothing."""
    budgets = Budgets()
    account_of(budgets).moved = 300
    budgets.learn(budgets.collect(), {})
    assert budgets.collect() == {}


def test_ended_grant_is_forgotten() -> None:
    budgets = Budgets()
    account_of(budgets).moved = 300
    budgets.forget(VIEW.grant_id)
    assert budgets.collect() == {}

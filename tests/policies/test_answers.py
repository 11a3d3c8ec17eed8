from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Staleness
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import (
    Approval,
    PolicyAnswer,
    Terms,
    allowed,
    approval_words,
    check_duration,
    combine,
    numbered,
    refused,
    strictest,
)
from jit_access.policies.rules import parse_approvals

TERMS = st.builds(
    Terms,
    lasts_at_most_s=st.integers(1, 10**6),
    approvals=st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(1, 5), st.integers(1, 3))).map(
        lambda asked: tuple(sorted(Approval(group, count, stage) for group, (count, stage) in asked.items()))
    ),
    factor_max_age_s=st.integers(0, 900),
    approver_factor_max_age_s=st.integers(1, 900),
    staleness=st.sampled_from(Staleness),
    byte_budget=st.integers(0, 10**6),
    request_budget=st.integers(0, 10**6),
    refused_files=st.sets(st.sampled_from(["*.gguf", "code", "pickle"])).map(lambda words: tuple(sorted(words))),
)
ANSWERS = st.one_of(
    st.builds(
        lambda names, terms: allowed(names, terms, version=1), st.sets(st.sampled_from("pqr"), min_size=1), TERMS
    ),
    st.builds(
        lambda reason, names: refused(reason, names, version=1),
        st.sampled_from([Reason.FORBIDDEN_BY_RULE, Reason.NO_RULE_ALLOWS, Reason.POLICY_BROKEN, Reason.ACCOUNT_LOCKED]),
        st.sets(st.sampled_from("xyz")),
    ),
)


def is_as_strict(strict: Terms, lax: Terms) -> bool:
    needed = {approval.group: approval.needed for approval in strict.approvals}
    stages = {approval.group: approval.stage for approval in strict.approvals}
    return (
        strict.lasts_at_most_s <= lax.lasts_at_most_s
        and all(needed.get(approval.group, 0) >= approval.needed for approval in lax.approvals)
        and all(stages[approval.group] >= approval.stage for approval in lax.approvals)
        and (lax.factor_max_age_s == 0 or 0 < strict.factor_max_age_s <= lax.factor_max_age_s)
        and strict.approver_factor_max_age_s <= lax.approver_factor_max_age_s
        and (lax.staleness is Staleness.BEST_EFFORT or strict.staleness is Staleness.STRICT)
        and (lax.byte_budget == 0 or 0 < strict.byte_budget <= lax.byte_budget)
        and (lax.request_budget == 0 or 0 < strict.request_budget <= lax.request_budget)
        and set(strict.refused_files) >= set(lax.refused_files)
    )


@given(st.lists(TERMS, min_size=1, max_size=5), st.randoms())
def test_combined_terms_are_as_strict_as_each_in_any_order(every: list[Terms], random: object) -> None:
    combined = strictest(every)
    assert all(is_as_strict(combined, one) for one in every)
    shuffled = list(every)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert strictest(shuffled) == combined
    assert strictest([combined, *every]) == combined


@given(st.lists(ANSWERS, min_size=1, max_size=5), st.randoms())
def test_answers_combine_in_any_order_and_only_narrow(every: list[PolicyAnswer], random: object) -> None:
    combined = combine(every)
    shuffled = list(every)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert combine(shuffled) == combined
    assert combined.is_allowed == all(answer.is_allowed for answer in every)
    if combined.is_allowed:
        assert set(combined.rules) == {name for answer in every for name in answer.rules}


def test_no_question_is_no_permission() -> None:
    assert combine([]).reason is Reason.NO_RULE_ALLOWS


def test_each_group_keeps_its_highest_number_of_approvals() -> None:
    first = Terms(60, approvals=(Approval("owners", 2), Approval("security", 1)))
    second = Terms(60, approvals=(Approval("owners", 1), Approval("board", 1)))
    assert strictest([first, second]).approvals == (
        Approval("board", 1),
        Approval("owners", 2),
        Approval("security", 1),
    )


def test_too_long_is_its_own_reason_and_says_how_long_would_do() -> None:
    answer = allowed(["rule"], Terms(3600), version=7)
    assert check_duration(answer, 3600).is_allowed
    too_long = check_duration(answer, 3601)
    assert too_long.reason is Reason.LASTS_TOO_LONG
    assert too_long.lasts_at_most_s == 3600
    assert too_long.rules == ("rule",)
    assert check_duration(answer, 0).reason is Reason.LASTS_TOO_LONG


def test_the_gravest_refusal_leads() -> None:
    refusals = [refused(Reason.NO_RULE_ALLOWS), refused(Reason.FORBIDDEN_BY_RULE, ["never"])]
    assert combine(refusals).reason is Reason.FORBIDDEN_BY_RULE
    assert combine(refusals).rules == ("never",)


def test_stages_of_two_rules_ask_everybody_once_and_as_late_as_any() -> None:
    staged, plain = (
        Terms(3600, parse_approvals(text)) for text in ("1 of manager; 1 of security", "2 of security, 1 of owners")
    )
    assert approval_words(strictest([staged, plain]).approvals) == "1 of manager, 1 of owners; 2 of security"
    turned = Terms(3600, parse_approvals("1 of security; 1 of manager"))
    assert approval_words(strictest([staged, turned]).approvals) == "1 of manager, 1 of security"
    assert [one.stage for one in numbered(strictest([staged, turned]).approvals)] == [1, 1]

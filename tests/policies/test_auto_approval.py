"""What `@auto_approve` may say, when its hours hold, and that one rule never speaks for another."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jit_access.domain.operations import Tier
from jit_access.policies.answers import Terms, strictest
from jit_access.policies.auto_approval import is_still_waived, parse_auto_approval
from jit_access.policies.rules import parse_approvals
from tests.policies.samples import ask, compiled, permit

WORKING = "between mon-fri 08:00-18:00 Europe/Berlin"


def test_ways_and_conditions_are_read() -> None:
    (offered,) = parse_auto_approval(
        f"on call for ml,  {WORKING} | approved before within 30d, risk below 40, tier sensitive"
    )
    first, second = offered.ways
    assert (first.on_call, first.hours_text, first.tier) == ("ml", WORKING, Tier.STANDARD)
    assert (second.before_days, second.risk_below, second.tier) == (30, 40, Tier.SENSITIVE)
    assert first.text == f"on call for ml, {WORKING}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a condition"),
        ("always", "is not a condition"),
        ("tier sensitive", "a tier alone is no reason"),
        ("risk below 0", "is not a condition"),
        ("risk below 30, risk below 40", "twice"),
        ("approved before within 91d", "more than 90 days"),
        ("between mon 08:00-08:00 UTC", "no length"),
        ("between mon 08:00-24:00 UTC", "is not a condition"),
        ("between mon-fri 08:00-18:00 Europe/Atlantis", "not a time zone"),
        (" | ".join(f"risk below {number}" for number in range(1, 6)), "more than 4 ways"),
    ],
)
def test_odd_ones_are_refused(text: str, said: str) -> None:
    assert parse_auto_approval("risk below 40")
    with pytest.raises(ValueError, match=said):
        parse_auto_approval(text)


@pytest.mark.parametrize(
    ("hours", "at", "is_in"),
    [
        (WORKING, datetime(2026, 11, 23, 7, 0, tzinfo=UTC), True),  # Monday 08:00 in Berlin
        (WORKING, datetime(2026, 11, 23, 6, 59, tzinfo=UTC), False),
        (WORKING, datetime(2026, 11, 23, 17, 0, tzinfo=UTC), False),
        (WORKING, datetime(2026, 7, 20, 6, 0, tzinfo=UTC), True),  # summer time
        (WORKING, datetime(2026, 11, 22, 12, 0, tzinfo=UTC), False),  # Sunday
        ("between fri 22:00-06:00 UTC", datetime(2026, 11, 28, 5, 59, tzinfo=UTC), True),  # Saturday morning
        ("between fri 22:00-06:00 UTC", datetime(2026, 11, 27, 5, 59, tzinfo=UTC), False),
        ("between sat-mon 00:00-23:59 UTC", datetime(2026, 11, 22, 12, 0, tzinfo=UTC), True),
    ],
)
def test_hours_hold_in_their_own_zone(hours: str, at: datetime, is_in: bool) -> None:
    way = parse_auto_approval(hours)[0].ways[0]
    assert way.hours is not None
    assert way.hours.hold(at) is is_in


def test_a_rule_that_asks_people_is_never_answered_by_another_rule() -> None:
    asks = Terms(3600, parse_approvals("1 of security"))
    offers = Terms(3600, parse_approvals("1 of owners"), auto=parse_auto_approval("risk below 40"))
    open_to_all = Terms(3600)
    assert strictest([offers, open_to_all]).auto == offers.auto
    assert strictest([offers, asks]).auto == ()
    assert strictest([strictest([offers, asks]), offers]).auto == ()


def test_tier_is_judged_where_the_question_is() -> None:
    rule = permit(
        "weights", '@lasts_at_most("8h") @approvals("1 of owners") @auto_approve("risk below 90, tier sensitive")'
    )
    policy = compiled(rule)
    for tier, reaches in ((Tier.STANDARD, True), (Tier.SENSITIVE, True), (Tier.CRITICAL, False)):
        (offered,) = policy.ask(ask(tier=tier)).terms.auto
        assert (offered.rule, offered.tier) == ("weights", tier)
        assert is_still_waived(frozenset({"risk below 90, tier sensitive"}), (offered,)) is reaches
    assert not is_still_waived(frozenset({"risk below 90"}), (offered,))
    assert not is_still_waived(frozenset({"risk below 90, tier sensitive"}), ())

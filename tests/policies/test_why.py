"""Why, or why not: conditions one by one, and ways to an allow that hold when they are tried."""

from __future__ import annotations

import pytest

from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.compiler import compile_policy
from jit_access.policies.questions import Assurance, Proof
from jit_access.policies.why import why
from tests.policies.samples import ADA, BEN, CI_BOT, CLEO, EXAMPLE, HOUR, ask, compiled, forbid, permit

POLICY = compile_policy(EXAMPLE)


def test_a_group_that_is_missing_is_named_with_what_is_met() -> None:
    found = why(POLICY, ask(CLEO, tier=Tier.SENSITIVE))
    (rule,) = (one for one in found.rules if one.rule == "research-sensitive")
    assert rule.missing == ("member of research",)
    assert {one.text for one in rule.conditions if one.is_met} == {
        "to pull or push", "a repository of the tier sensitive", "a person, not an agent", "lasts at most 4 h",
        "a second factor at most 15 min old when it starts",
    }  # fmt: skip
    assert found.would_be[0].sentence == "Would be allowed if: member of research."
    assert [(one.group, one.needed) for one in found.approvals_wanted] == [("model-owners", 1)]


def test_a_time_that_is_too_long_is_said_with_the_one_that_would_do() -> None:
    found = why(POLICY, ask(ADA, tier=Tier.SENSITIVE, lasts_s=5 * HOUR))
    assert found.answer.reason is Reason.LASTS_TOO_LONG
    assert [way.changes for way in found.would_be] == [("lasts at most 4 h",)]


def test_several_things_are_missing_together() -> None:
    found = why(POLICY, ask(CLEO, tier=Tier.SENSITIVE, lasts_s=5 * HOUR, proof=Proof(Assurance.PASSWORD)))
    assert ("member of research", "lasts at most 4 h", "a second factor is proved") in {
        way.changes for way in found.would_be
    }
    assert "second-factor-always" in {rule.rule for rule in found.rules if not rule.is_permit}


def test_an_allow_says_which_rule_and_needs_no_way() -> None:
    found = why(POLICY, ask(ADA))
    assert found.answer.is_allowed
    assert [rule.rule for rule in found.rules if not rule.missing] == ["research-standard"]
    assert found.would_be == ()


def test_what_is_forbidden_has_no_way() -> None:
    found = why(POLICY, ask(CI_BOT, tier=Tier.CRITICAL))
    assert found.answer.reason is Reason.FORBIDDEN_BY_RULE
    assert found.would_be == ()
    assert [rule.rule for rule in found.rules if not rule.is_permit] == ["agents-never-critical"]


def test_a_way_that_a_forbid_would_close_is_not_promised() -> None:
    policy = compiled(
        permit("staff", scope='principal in Group::"staff", action, resource'),
        forbid("no-staff", scope='principal in Group::"staff", action, resource'),
    )
    assert why(policy, ask(CLEO)).would_be == ()
    open_policy = compiled(permit("staff", scope='principal in Group::"staff", action, resource'))
    assert why(open_policy, ask(CLEO)).would_be[0].changes == ("member of staff",)


@pytest.mark.parametrize("subject", [ADA, BEN, CLEO])
@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("operation", list(Operation))
def test_every_way_holds(subject: object, tier: Tier, operation: Operation) -> None:
    found = why(POLICY, ask(subject, operation, tier, lasts_s=9 * HOUR))  # type: ignore[arg-type]  # a Subject
    assert all(way.answer.is_allowed for way in found.would_be)
    assert found.answer.is_allowed or found.would_be, "in the example, everybody could be let in"


def test_names_are_not_spelt_out_to_those_who_may_not_know_them() -> None:
    policy = compiled(permit("some", when='when { resource.name like "secret-*" && context.assurance >= 2 }'))
    shown, hidden = why(policy, ask(ADA)), why(policy, ask(ADA), hides_names=True)
    assert "secret-" in str(shown.rules)
    assert "secret-" not in str(hidden.rules)
    assert [one.is_met for one in hidden.rules[0].conditions] == [False, True, True]


def test_rules_about_other_places_are_not_near() -> None:
    policy = compiled(permit("vault", scope='principal, action, resource in Target::"vault"'))
    assert why(policy, ask(ADA)).rules == ()

from __future__ import annotations

from hypothesis import given

from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.compiler import compile_policy
from jit_access.policies.explanation import Explanation, explain_question
from jit_access.policies.questions import Assurance, Proof, Question
from tests.policies.samples import ADA, BEN, CI_BOT, CLEO, EXAMPLE, ask, compiled, permit
from tests.policies.test_compiler import QUESTIONS

POLICY = compile_policy(EXAMPLE)


def explained(question: Question) -> Explanation:
    return explain_question(POLICY, question, POLICY.ask(question))


def test_the_rule_that_opens_is_named_with_its_sentence() -> None:
    found = explained(ask(ADA, tier=Tier.SENSITIVE))
    assert [rule.rule for rule in found.matching] == ["research-sensitive"]
    assert found.matching[0].because.startswith("Research may use sensitive models")
    assert found.matching[0].missing == ()


def test_an_outsider_learns_which_group_would_open() -> None:
    found = explained(ask(CLEO, tier=Tier.CRITICAL))
    assert found.matching == ()
    nearest = found.near[0]
    assert nearest.rule == "research-critical"
    assert nearest.missing == ("who asks: group research",)


def test_rules_about_other_operations_are_not_near() -> None:
    found = explained(ask(CLEO, Operation.DELETE, Tier.STANDARD))
    assert [rule.rule for rule in found.near] == ["owners-delete"]
    assert "owners-delete" not in {rule.rule for rule in explained(ask(CLEO, Operation.PULL)).near}


def test_a_forbid_that_matches_is_among_the_matching_rules() -> None:
    found = explained(ask(CI_BOT, tier=Tier.CRITICAL, proof=Proof()))
    assert found.answer.reason is Reason.FORBIDDEN_BY_RULE
    assert [rule.rule for rule in found.matching] == ["agents-never-critical"]


def test_conditions_are_told_as_they_are_written() -> None:
    found = explained(ask(ADA, proof=Proof(Assurance.PASSWORD)))
    forbid = next(rule for rule in found.matching if not rule.is_permit)
    assert forbid.rule == "second-factor-always"
    assert "context.assurance < 2" in forbid.conditions[0].text.replace("(", "").replace(")", "").replace(
        '["assurance"]', ".assurance"
    )


def test_one_named_repository_is_told_by_name() -> None:
    one = compiled(permit("one", scope='principal, action, resource == Repository::"demo-registry/llm/x"'))
    question = ask(BEN)
    assert explain_question(one, question, one.ask(question)).near[0].missing == (
        "the repository: repository demo-registry/llm/x",
    )


@given(QUESTIONS)
def test_an_explanation_never_differs_from_the_decision(question: Question) -> None:
    found = explained(question)
    deciding = [rule.rule for rule in found.matching if rule.is_permit == found.answer.is_allowed]
    assert tuple(sorted(deciding)) == found.answer.rules
    assert all(not rule.is_matching and rule.missing for rule in found.near)

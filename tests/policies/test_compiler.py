from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.compiler import PolicyText, compile_policy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.questions import Assurance, Proof, Question, Resource, Subject
from tests.policies.samples import ADA, EXAMPLE, PROVED, ask, compiled, forbid, permit

_NO_CONTEXT = "appliesTo { principal: [User], resource: [Repository] };"


def test_a_permit_opens_and_is_named() -> None:
    answer = compiled(permit("open")).ask(ask())
    assert answer.is_allowed
    assert answer.rules == ("open",)
    assert answer.reason is Reason.NO_APPROVAL_NEEDED


def test_without_a_matching_permit_nothing_is_open() -> None:
    answer = compiled(permit("others", scope='principal in Group::"others", action, resource')).ask(ask())
    assert answer.reason is Reason.NO_RULE_ALLOWS
    assert answer.rules == ()


def test_a_forbid_beats_every_permit_and_is_named() -> None:
    answer = compiled(permit("open"), forbid("shut")).ask(ask())
    assert answer.reason is Reason.FORBIDDEN_BY_RULE
    assert answer.rules == ("shut",)


def test_a_rule_that_fails_while_it_is_evaluated_closes_the_door() -> None:
    # Cedar skips a policy that errs. Here that policy is the forbid, and 2**62 * 4 overflows a Long.
    overflow = "when { context.lasts_s * 4611686018427387904 > 0 }"
    assert compiled(permit("open"), forbid("shut", when=overflow)).ask(ask(lasts_s=4)).reason is Reason.POLICY_BROKEN
    assert (
        compiled(permit("open"), forbid("shut", when=overflow)).ask(ask(lasts_s=1)).reason is Reason.FORBIDDEN_BY_RULE
    )
    assert compiled(permit("open")).ask(ask(lasts_s=4)).is_allowed


def test_a_question_beyond_cedars_numbers_is_refused() -> None:
    assert compiled(permit("open")).ask(ask(lasts_s=2**63 - 1)).is_allowed
    assert compiled(permit("open")).ask(ask(lasts_s=2**63)).reason is Reason.POLICY_BROKEN


def test_a_locked_account_is_refused_whatever_the_rules_say() -> None:
    locked = Subject(ADA.id, ADA.groups, ADA.is_agent, is_active=False)
    assert compiled(permit("open")).ask(ask(ADA)).is_allowed
    assert compiled(permit("open")).ask(ask(locked)).reason is Reason.ACCOUNT_LOCKED


@pytest.mark.parametrize("name", ['x", "y', "a\nb", 'Group::"research"', "", "\u202e", "ada\\", "é" * 100, "usr_ada'"])
def test_names_are_never_read_as_syntax(name: str) -> None:
    rules = compiled(permit("research", scope='principal in Group::"research", action, resource'))
    hostile = Subject(name, frozenset({name}), is_agent=False)
    question = Question(hostile, Operation.PULL, Resource(name, name, Tier.STANDARD), 60, proof=PROVED)
    assert rules.ask(question).reason is Reason.NO_RULE_ALLOWS
    assert rules.ask(Question(ADA, Operation.PULL, Resource(name, name, Tier.STANDARD), 60, proof=PROVED)).is_allowed


def test_rules_can_name_one_repository_a_pattern_and_a_phase() -> None:
    one = permit("one", scope='principal, action, resource == Repository::"demo-registry/some/standard"')
    assert compiled(one).ask(ask(tier=Tier.STANDARD)).is_allowed
    assert not compiled(one).ask(ask(tier=Tier.CRITICAL)).is_allowed
    pattern = permit("pattern", when='when { resource.name like "some/stan*" && context.phase == "request" }')
    assert compiled(pattern).ask(ask(tier=Tier.STANDARD)).is_allowed
    assert not compiled(pattern).ask(ask(tier=Tier.CRITICAL)).is_allowed


def test_the_age_of_a_factor_is_absent_when_none_was_shown() -> None:
    fresh = compiled(permit("fresh", when="when { context has factor_age_s && context.factor_age_s <= 60 }"))
    assert fresh.ask(ask(proof=Proof(Assurance.SECOND_FACTOR, 60))).is_allowed
    assert not fresh.ask(ask(proof=Proof(Assurance.SECOND_FACTOR, 61))).is_allowed
    assert not fresh.ask(ask(proof=Proof(Assurance.PASSWORD))).is_allowed


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("permit (", "rules.cedar: "),
        ("", "not a single rule"),
        ('@lasts_at_most("1h") permit (principal, action, resource);', "needs an @id"),
        (permit("twice") + permit("twice"), "rule twice is already in rules.cedar"),
        (permit("odd", '@lasts_at_most("1h") @aproval("1 of x")'), "@aproval is not an annotation"),
        (permit("typo", scope='principal in Grup::"x", action, resource'), "rule typo: .*Grup"),
        (permit("typo", when="when { context.assurence == 2 }"), "rule typo: .*assurence"),
        (permit("unguarded", when="when { context.factor_age_s < 60 }"), "rule unguarded: .*factor_age_s"),
        (permit("action", scope='principal, action == Action::"exec", resource'), "rule action: .*exec"),
        (permit("slot", scope="principal == ?principal, action, resource"), "templates are not used"),
    ],
)
def test_a_policy_with_any_fault_is_not_compiled(rules: str, words: str) -> None:
    with pytest.raises(PolicyBroken) as caught:
        compiled(rules)
    assert any(re.search(words, problem) for problem in caught.value.problems), caught.value.problems


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(PolicyBroken) as caught:
        compiled(permit("one", '@lasts_at_most("1x")'), permit("two", '@lasts_at_most("1y")'))
    assert len(caught.value.problems) == 2


def test_a_schema_that_our_questions_do_not_fit_is_refused() -> None:
    with pytest.raises(PolicyBroken, match="no room for a question"):
        compile_policy(PolicyText(EXAMPLE.schema.replace("is_agent: Bool", "is_agent: String"), {"a": permit("open")}))
    with pytest.raises(PolicyBroken, match="no room for a question about delete"):
        compile_policy(PolicyText(EXAMPLE.schema.replace("pull, push, delete", "pull, push"), {"a": permit("open")}))
    with pytest.raises(PolicyBroken, match=r"schema\.cedarschema"):
        compile_policy(PolicyText("entity {", {"a": permit("open")}))


@pytest.mark.parametrize("operation", [Operation.PROMOTE, Operation.ADMIN])
def test_a_schema_from_before_an_operation_keeps_it_closed(operation: Operation) -> None:
    wide = permit("wide")
    assert compiled(wide).ask(ask(operation=operation)).is_allowed
    older = compiled(wide, schema=EXAMPLE.schema.replace(f", {operation}", ""))
    assert older.ask(ask(operation=operation)).reason is Reason.NO_RULE_ALLOWS
    assert older.ask(ask()).is_allowed
    other = f"{EXAMPLE.schema.replace(f', {operation}', '')} action {operation} {_NO_CONTEXT}"
    with pytest.raises(PolicyBroken, match=f"no room for a question about {operation}"):
        compiled(wide, schema=other)


def test_the_digest_follows_the_text_only() -> None:
    assert PolicyText("s", {"a": "1", "b": "2"}).digest == PolicyText("s", {"b": "2", "a": "1"}).digest
    assert PolicyText("s", {"a": "1"}).digest != PolicyText("s", {"a": "2"}).digest
    assert PolicyText("s", {"a": "1"}).digest != PolicyText("s", {"b": "1"}).digest


SCOPES = st.builds(
    lambda who, what, where: f"{who}, {what}, {where}",
    st.sampled_from(["principal", 'principal in Group::"research"', 'principal in Group::"security"']),
    st.sampled_from(["action", 'action == Action::"pull"', 'action in [Action::"push", Action::"delete"]']),
    st.sampled_from(["resource", 'resource in Tier::"critical"', 'resource in Target::"demo-registry"']),
)
CONDITIONS = st.sampled_from(
    [
        "",
        "when { context.is_agent }",
        "unless { context.is_agent }",
        "when { context.lasts_s > 60 }",
        'when { resource.name like "some/*" }',
    ]
)
QUESTIONS = st.builds(
    lambda groups, agent, operation, tier, lasts: ask(
        Subject("usr_x", frozenset(groups), agent), operation, tier, lasts_s=lasts
    ),
    st.sets(st.sampled_from(["research", "security", "others"])),
    st.booleans(),
    st.sampled_from(Operation),
    st.sampled_from(Tier),
    st.integers(1, 4 * 3600),
)


@given(
    permits=st.lists(st.tuples(SCOPES, CONDITIONS), min_size=1, max_size=4),
    shut=st.tuples(SCOPES, CONDITIONS),
    question=QUESTIONS,
)
def test_another_forbid_never_widens(permits: list[tuple[str, str]], shut: tuple[str, str], question: Question) -> None:
    rules = [permit(f"p{index}", scope=scope, when=when) for index, (scope, when) in enumerate(permits)]
    before = compiled(*rules).ask(question)
    after = compiled(*rules, forbid("shut", *shut)).ask(question)
    assert before.is_allowed or not after.is_allowed
    if after.is_allowed:
        assert after == before


@given(permits=st.lists(st.tuples(SCOPES, CONDITIONS), min_size=1, max_size=4), question=QUESTIONS, data=st.data())
def test_the_order_of_rules_changes_nothing(
    permits: list[tuple[str, str]], question: Question, data: st.DataObject
) -> None:
    rules = [
        permit(f"p{index}", f'@lasts_at_most("{index + 1}h") @approvals("{index + 1} of security")', scope, when)
        for index, (scope, when) in enumerate(permits)
    ]
    shuffled = data.draw(st.permutations(rules))
    assert compiled(*rules).ask(question) == compiled(*shuffled).ask(question)

"""A decision over a slice of the rules is the decision over all of them: same answer, same rules named, same errors."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import PolicyAnswer
from jit_access.policies.cedar_forms import policy_set_of
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.questions import Assurance, Phase, Proof, Question, Resource, Subject
from tests.policies.samples import ADA, BEN, EXAMPLE, ask, compiled, forbid, permit

USERS, GROUPS = ("ada", "ben", "research"), ("research", "owners", "ada")
TARGETS, REPOSITORIES = ("hub", "lab"), ("llm/a", "llm/b", "sensitive")
PRINCIPALS = (
    "principal",
    *(f'principal == User::"{name}"' for name in USERS),
    *(f'principal in User::"{name}"' for name in USERS[:1]),
    *(f'principal in Group::"{name}"' for name in GROUPS),
    "principal is User",
    *(f'principal is User in Group::"{name}"' for name in GROUPS[:2]),
)
ACTIONS = (
    "action",
    *(f'action == Action::"{operation}"' for operation in Operation),
    'action in Action::"pull"',
    'action in [Action::"pull", Action::"push"]',
    'action in [Action::"delete"]',
)
RESOURCES = (
    "resource",
    *(f'resource == Repository::"{target}/{name}"' for target in TARGETS for name in REPOSITORIES),
    *(f'resource in Target::"{name}"' for name in TARGETS),
    *(f'resource in Tier::"{tier}"' for tier in Tier),
    "resource is Repository",
    'resource is Repository in Tier::"sensitive"',
)
CONDITIONS = (
    "",
    "when { context.is_agent }",
    "unless { context.is_agent }",
    "when { context.assurance >= 2 }",
    'when { resource.name like "llm/*" }',
    "when { context.lasts_s * 4611686018427387904 > 0 }",  # an error for any more than one second
    'when { principal in Group::"owners" && resource in Target::"lab" }',
)
# Actions in groups, which only a schema of one's own can bring about.
_BEFORE, _APPLIES = EXAMPLE.schema.split("action pull, push, delete, promote, admin ")
GROUPED = f"""{_BEFORE} action read; action write in [read];
action pull in [read] {_APPLIES} action push, delete, promote, admin in [write] {_APPLIES}"""

bodies = st.tuples(st.booleans(), *(st.sampled_from(part) for part in (PRINCIPALS, ACTIONS, RESOURCES, CONDITIONS)))
questions = st.builds(
    Question,
    st.builds(Subject, st.sampled_from(USERS), st.frozensets(st.sampled_from(GROUPS)), st.booleans()),
    st.sampled_from(Operation),
    st.builds(Resource, st.sampled_from(TARGETS), st.sampled_from(REPOSITORIES), st.sampled_from(Tier)),
    st.sampled_from([1, 3600, 2**63]),
    st.sampled_from(Phase),
    st.builds(Proof, st.sampled_from(Assurance), st.none() | st.integers(0, 100)),
)


def rules_of(drawn: list[tuple[bool, str, str, str, str]]) -> list[str]:
    return [
        (permit if is_permit else forbid)(f"r{number}", scope=f"{who}, {what}, {where}", when=when)
        for number, (is_permit, who, what, where, when) in enumerate(drawn)
    ]


def ask_everything(policy: CompiledPolicy, question: Question) -> PolicyAnswer:
    """The answer over all rules, without slices."""
    every = policy_set_of(policy.sources)
    return replace(policy, slices=SimpleNamespace(policy_set=lambda _question: every)).ask(question)


@given(st.lists(bodies, min_size=1, max_size=12), st.lists(questions, min_size=1, max_size=6))
def test_a_slice_decides_as_all_rules_do(drawn: list[tuple[bool, str, str, str, str]], asked: list[Question]) -> None:
    policy = compiled(*rules_of(drawn))
    for question in asked:
        assert policy.ask(question) == ask_everything(policy, question)


@given(st.lists(bodies, min_size=1, max_size=6), st.lists(questions, min_size=1, max_size=4))
def test_actions_in_groups_are_sliced_as_the_schema_says(
    drawn: list[tuple[bool, str, str, str, str]], asked: list[Question]
) -> None:
    grouped = [
        (is_permit, who, what.replace('action in Action::"pull"', 'action in Action::"read"'), where, when)
        for is_permit, who, what, where, when in drawn
    ]
    policy = compiled(*rules_of(grouped), schema=GROUPED)
    for question in asked:
        assert policy.ask(question) == ask_everything(policy, question)


def test_a_group_of_actions_reaches_its_members() -> None:
    policy = compiled(permit("readers", scope='principal, action in Action::"read", resource'), schema=GROUPED)
    assert policy.ask(ask(operation=Operation.PUSH)).is_allowed
    narrow = compiled(permit("pullers", scope='principal, action in Action::"pull", resource'), schema=GROUPED)
    assert not narrow.ask(ask(operation=Operation.PUSH)).is_allowed


def test_a_slice_leaves_out_what_cannot_match_and_nothing_else() -> None:
    policy = compiled(
        permit("research", scope='principal in Group::"research", action == Action::"pull", resource'),
        permit("owners", scope='principal in Group::"model-owners", action, resource'),
        permit("pushers", scope='principal in Group::"research", action == Action::"push", resource'),
        permit("elsewhere", scope='principal, action, resource in Target::"other"'),
        forbid("always", when="when { context.assurance < 2 }"),
    )
    assert sorted(policy.slices.rules(ask(ADA))) == ["always", "research"]
    assert sorted(policy.slices.rules(ask(BEN))) == ["always", "owners"]
    assert policy.slices.policy_set(ask(ADA)) is policy.slices.policy_set(ask(ADA, lasts_s=7))


def test_a_question_that_no_rule_is_about_is_refused_for_want_of_a_rule() -> None:
    policy = compiled(permit("elsewhere", scope='principal, action, resource in Target::"other"'))
    assert policy.slices.rules(ask()) == ()
    assert policy.ask(ask()).reason is Reason.NO_RULE_ALLOWS


@pytest.mark.parametrize("change", [{"groups": frozenset()}, {"id": "usr_other", "groups": frozenset()}])
def test_entities_of_one_subject_are_not_those_of_another(change: dict[str, object]) -> None:
    policy = compiled(permit("research", scope='principal in Group::"research", action, resource'))
    assert policy.ask(ask(ADA)).is_allowed
    assert not policy.ask(ask(replace(ADA, **change))).is_allowed  # type: ignore[arg-type]  # fields of Subject
    assert policy.ask(ask(ADA)).is_allowed

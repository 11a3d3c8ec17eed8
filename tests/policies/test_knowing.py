"""Who may know of what: by what they could ask for, by a rule about knowing, and never past a forbid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit_access.domain.operations import Operation, Tier
from jit_access.policies import knowing
from jit_access.policies.compiler import CompiledPolicy, compile_policy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.knowing import Knowledge
from jit_access.policies.questions import Resource, Subject
from tests.policies.samples import ADA, BEN, CI_BOT, CLEO, EXAMPLE, compiled, forbid, permit
from tests.policies.test_slices import CONDITIONS, PRINCIPALS, RESOURCES

KNOW = 'principal, action == Action::"know", resource'
HERE = Resource("hub", "llm/a", Tier.SENSITIVE)
OLD_SCHEMA = EXAMPLE.schema.replace("action know", "action other")


def knows(policy: CompiledPolicy, subject: Subject, resource: Resource = HERE) -> bool:
    known = Knowledge(subject, policy)
    verdict = known.of_listed(resource)
    assert known.of_names(resource.target, {resource.repository: resource.tier}) == {resource.repository: verdict}
    return verdict


@pytest.mark.parametrize(
    ("subject", "tiers"),
    [
        (ADA, {Tier.STANDARD, Tier.SENSITIVE, Tier.CRITICAL}),
        (BEN, {Tier.STANDARD, Tier.SENSITIVE, Tier.CRITICAL}),  # may ask to delete anything
        (CI_BOT, {Tier.STANDARD, Tier.SENSITIVE}),
        (CLEO, set()),
    ],
)
def test_the_example(subject: Subject, tiers: set[Tier]) -> None:
    policy = compile_policy(EXAMPLE)
    assert {tier for tier in Tier if knows(policy, subject, replace(HERE, tier=tier))} == tiers
    assert Knowledge(subject, policy).of_target("hub") == tiers


@pytest.mark.parametrize("operation", Operation)
def test_whoever_could_ask_for_anything_knows_it(operation: Operation) -> None:
    rule = permit("one", scope=f'principal in Group::"research", action == Action::"{operation}", resource')
    assert knows(compiled(rule), ADA)
    assert not knows(compiled(rule), CLEO)


def test_a_rule_lets_know_without_opening_anything() -> None:
    policy = compiled(permit("all-know", "", KNOW), permit("some", scope='principal == User::"x", action, resource'))
    assert knows(policy, CLEO)
    assert not knows(policy, replace(CLEO, is_active=False))


@pytest.mark.parametrize(
    "closing",
    [
        forbid("never", KNOW),
        forbid("never", 'principal, action, resource in Tier::"sensitive"'),
        forbid("broken", KNOW, "when { context.lasts_s * 4611686018427387904 > 0 }"),  # an error, so nothing is open
    ],
)
def test_a_forbid_beats_what_one_could_ask_for(closing: str) -> None:
    assert knows(compiled(permit("open"), permit("all-know", "", KNOW)), ADA)
    assert not knows(compiled(permit("open"), permit("all-know", "", KNOW), closing), ADA)


def test_a_forbid_of_stale_proof_hides_nothing() -> None:
    stale = forbid("stale", when="when { context.assurance < 2 || context.lasts_s > 3600 }")
    assert knows(compiled(permit("open"), stale), ADA)


def test_what_asks_for_the_best_proof_is_known_before_it_is_given() -> None:
    fresh = "context has factor_age_s && context.factor_age_s < 60"
    best = permit("passkey", when=f"when {{ !context.is_agent && context.assurance >= 3 && {fresh} }}")
    assert knows(compiled(best), ADA)
    assert not knows(compiled(best), CI_BOT)


def test_policies_from_before_there_was_knowing() -> None:
    policy = compiled(permit("r", scope='principal in Group::"research", action, resource'), schema=OLD_SCHEMA)
    assert not policy.has_know
    assert knows(policy, ADA)
    assert not knows(policy, CLEO)


def test_without_a_policy_nothing_is_known() -> None:
    assert not Knowledge(ADA, None).of_listed(HERE)
    assert Knowledge(ADA, None).of_names("hub", {"llm/a": None}) == {"llm/a": False}


def test_a_permit_to_know_has_no_terms() -> None:
    assert compiled(permit("all-know", '@because("So.")', KNOW)).rules["all-know"].terms.lasts_at_most_s == 0
    with pytest.raises(PolicyBroken, match="a permit to know takes no @lasts_at_most"):
        compiled(permit("all-know", '@lasts_at_most("1h")', KNOW))
    with pytest.raises(PolicyBroken, match="must say @lasts_at_most"):
        compiled(permit("wider", "", 'principal, action in [Action::"know", Action::"pull"], resource'))


def test_a_new_name_may_be_said_by_whoever_would_know_it_in_every_tier() -> None:
    every = permit("every", scope='principal in Group::"research", action, resource')
    assert Knowledge(ADA, compiled(every)).of_names("hub", {"new": None}) == {"new": True}
    two = [
        permit(f"t{n}", scope=f'principal, action, resource in Tier::"{t}"')
        for n, t in enumerate(("critical", "standard"))
    ]
    assert Knowledge(ADA, compiled(*two)).of_names("hub", {"new": None, "old": Tier.CRITICAL}) == {
        "new": False,
        "old": True,
    }
    hidden = forbid("hidden", 'principal, action == Action::"know", resource == Repository::"hub/secret"')
    said = Knowledge(ADA, compiled(every, hidden)).of_names("hub", {"secret": None, "other": None})
    assert said == {"secret": False, "other": True}


NAMED = (
    *CONDITIONS,
    'when { resource.name == "llm/b" }',
    'when { "llm/b" != resource.name }',
    'when { resource == Repository::"lab/llm/a" }',
    'when { resource in [Repository::"hub/llm/a", Repository::"lab/sensitive"] }',
    'when { resource is Repository in Repository::"hub/llm/a" }',
    'when { {"it": resource}.it.name like "*b" }',
    'unless { resource.tier == "critical" && !(resource.name like "*/a") }',
    'when { [resource.name].contains("sensitive") }',
    "when { resource has name }",
)
EVERYTHING = [
    Resource(target, name, tier)
    for target in ("hub", "lab")
    for name in ("llm/a", "llm/b", "sensitive", "new", "llm/a/b")
    for tier in Tier
]


@pytest.mark.parametrize("condition", NAMED)
def test_each_condition_on_names_is_asked_of_each(condition: str) -> None:
    for policy in (compiled(permit("some", when=condition)), compiled(permit("all"), forbid("some", when=condition))):
        known = Knowledge(ADA, policy)
        for resource in EVERYTHING:
            assert known.of_listed(resource) == knowing._verdict(policy, ADA, resource), resource


rules = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(PRINCIPALS),
        st.sampled_from(("action", 'action == Action::"know"', 'action == Action::"pull"')),
        st.sampled_from(RESOURCES),
        st.sampled_from(NAMED),
    ),
    min_size=1,
    max_size=5,
)
resources = st.builds(
    Resource,
    st.sampled_from(("hub", "lab")),
    st.sampled_from(("llm/a", "llm/b", "sensitive", "new", "llm/a/b")),
    st.sampled_from(Tier),
)


@settings(max_examples=150)
@given(rules, st.sampled_from((ADA, BEN, CI_BOT, CLEO, replace(ADA, id="ada"))), st.lists(resources, max_size=12))
def test_what_is_asked_once_for_all_is_what_is_asked_of_each(
    drawn: list[tuple[bool, str, str, str, str]], subject: Subject, asked: list[Resource]
) -> None:
    """Repositories that share a verdict would each have got it: by name too, and as part of a whole target."""
    texts = []
    for number, (is_permit, who, what, where, when) in enumerate(drawn):
        scope = f"{who}, {what}, {where}"
        terms = "" if 'Action::"know"' in what else '@lasts_at_most("8h")'
        texts.append(permit(f"r{number}", terms, scope, when) if is_permit else forbid(f"r{number}", scope, when))
    policy = compiled(*texts)
    known = Knowledge(subject, policy)
    for resource in asked:
        fresh = knowing._verdict(policy, subject, resource)
        assert known.of_listed(resource) == fresh
        if not policy.singled_out.kind_of(resource).count("name") and not policy.singled_out.places:
            assert (resource.tier in known.of_target(resource.target)) == fresh

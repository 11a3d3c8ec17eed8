"""What a check of a policy says, and that it says nothing that is not so."""

from __future__ import annotations

from random import Random

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.policies import checking
from jit_access.policies.checking import KnownNames, check_text
from jit_access.policies.compiler import PolicyText
from jit_access.policies.findings import Code, Finding, Severity
from jit_access.policies.name_patterns import TooMany, witnesses
from tests.policies.samples import EXAMPLE, forbid, permit
from tests.support.cedar_oracle.answering import answer, rules_of
from tests.support.cedar_oracle.generating import Maker
from tests.support.effort import at_length

RESEARCH = 'principal in Group::"research", action == Action::"pull", resource in Tier::"standard"'
SCHEMA = cedarpy.Schema.from_str(EXAMPLE.schema)


def check(*rules: str, known: KnownNames | None = None, schema: str = EXAMPLE.schema) -> tuple[Finding, ...]:
    return check_text(PolicyText(schema, {"rules.cedar": "\n".join(rules)}), known=known)


def codes(found: tuple[Finding, ...], rule: str = "") -> set[Code]:
    return {one.code for one in found if not rule or one.rule == rule}


def test_a_narrow_rule_is_left_alone() -> None:
    assert check(permit("fine", scope=RESEARCH)) == ()


def test_the_example_has_notes_and_nothing_worse() -> None:
    found = check_text(EXAMPLE)
    assert {one.severity for one in found} == {Severity.NOTE}
    assert ("agents-only-pull", "agents.cedar", 20) in {(one.rule, one.file, one.line) for one in found}


def test_what_cannot_be_loaded_is_told_with_its_place() -> None:
    found = check(permit("one", scope=RESEARCH), permit("two", '@lasts_at_most("1x")'), '// @id("two")')
    assert [(one.code, one.rule, one.line) for one in found] == [(Code.BROKEN, "two", 2)]
    assert codes(check_text(PolicyText("entity", {"a.cedar": ""}))) == {Code.BROKEN}


@pytest.mark.parametrize(
    ("when", "is_reachable"),
    [
        ("context.lasts_s > 60 && context.lasts_s < 60", False),
        ("context.lasts_s >= 60 && context.lasts_s <= 60", True),
        ('resource.tier == "critical"', False),
        ('resource.tier == "standard"', True),
        ("context.assurance > 3", False),
        ("context.assurance > 2", True),
        ('resource.name like "llm/*" && resource.name like "*-v2"', True),
        ('resource.name like "llm/*" && resource.name == "tools/x"', False),
        ('resource.name like "a*" && resource.name like "*b" && resource.name == "ab"', True),
        ('!(resource.name like "*")', False),
        ('resource.target == "hub" && resource in Target::"lab"', False),
        ('context.phase == "never"', False),
        ('["live", "request"].contains(context.phase)', True),
        ("context has factor_age_s && context.factor_age_s < 0", False),
        ("context has factor_age_s && context.factor_age_s < 1", True),
        ("if context.is_agent then context.assurance == 2 else context.assurance == 7", True),
        ("context.is_agent && !context.is_agent", False),
        ('principal in Group::"research" && !(principal in Group::"research")', False),
    ],
)
def test_unreachable_is_what_no_question_meets(when: str, is_reachable: bool) -> None:
    found = check(permit("odd", scope=RESEARCH, when=f"when {{ {when} }}"))
    assert (Code.UNREACHABLE not in codes(found)) is is_reachable


def test_a_tier_that_is_not_there_is_named() -> None:
    found = check(
        permit("odd", scope='principal in Group::"research", action == Action::"pull", resource in Tier::"top"')
    )
    assert {Code.UNKNOWN_TIER, Code.UNREACHABLE} <= codes(found)


def test_a_rule_that_is_not_understood_is_not_judged() -> None:
    when = "when { context.lasts_s + context.assurance > 100000000 }"
    found = check(permit("odd", scope=RESEARCH, when=when))
    assert codes(found, "odd") == {Code.UNDECIDED}


def test_a_rule_that_fails_for_some_questions_is_an_error() -> None:
    found = check(permit("odd", scope=RESEARCH, when="when { context.lasts_s * 9000000000000000 > 1 }"))
    assert [(one.code, one.severity) for one in found if one.code is Code.MAY_FAIL] == [(Code.MAY_FAIL, Severity.ERROR)]


def test_shadowed_by_a_forbid() -> None:
    wide, narrow = forbid("no", scope='principal, action, resource in Tier::"standard"'), permit("yes", scope=RESEARCH)
    assert Code.SHADOWED in codes(check(wide, narrow), "yes")
    spared = forbid("no", scope='principal, action, resource in Tier::"standard"', when="when { context.is_agent }")
    assert Code.SHADOWED not in codes(check(spared, narrow), "yes")


def test_shadowed_by_two_forbids_together() -> None:
    agents, people = (
        forbid("agents", when="when { context.is_agent }"),
        forbid("people", when="unless { context.is_agent }"),
    )
    assert Code.SHADOWED in codes(check(agents, people, permit("yes", scope=RESEARCH)), "yes")


def test_shadowed_by_stricter_rules_that_always_join() -> None:
    strict = permit("strict", '@lasts_at_most("1h") @approvals("1 of owners")', scope=RESEARCH)
    loose = permit("loose", '@lasts_at_most("8h")', scope=RESEARCH, when="unless { context.is_agent }")
    (found,) = (one for one in check(strict, loose) if one.code is Code.SHADOWED)
    assert (found.rule, found.severity) == ("loose", Severity.WARNING)
    assert "strict matches too" in found.sentence
    freer = permit("loose", '@lasts_at_most("8h") @factor("5m")', scope=RESEARCH)
    assert Code.SHADOWED not in codes(check(strict, freer)), "its fresher factor counts"


def test_a_forbid_that_forbids_nothing_yet_is_a_note() -> None:
    guard = forbid("guard", scope='principal, action, resource in Tier::"critical"')
    (found,) = (one for one in check(permit("yes", scope=RESEARCH), guard) if one.rule == "guard")
    assert (found.code, found.severity) == (Code.SHADOWED, Severity.NOTE)


def test_too_broad() -> None:
    everything = codes(check(permit("all", '@lasts_at_most("2d")')))
    broad = {Code.OPEN_TO_EVERYBODY, Code.ANY_OPERATION, Code.ANY_RESOURCE, Code.LASTS_LONG}
    assert everything == broad | {Code.NO_APPROVALS, Code.NO_FACTOR}
    guarded = permit(
        "some",
        '@lasts_at_most("4h") @approvals("1 of owners") @factor("5m")',
        scope=RESEARCH.replace("standard", "critical"),
    )
    assert check(guarded) == ()
    assert codes(check(guarded.replace('@approvals("1 of owners")', ""))) == {Code.NO_APPROVALS}
    assert codes(check(guarded.replace('@factor("5m")', ""))) == {Code.NO_FACTOR}


def test_a_rule_about_knowing_opens_nothing() -> None:
    assert check('@id("know") permit (principal in Group::"staff", action == Action::"know", resource);') == ()


def test_names_are_looked_up_where_somebody_says_what_there_is() -> None:
    there = KnownNames(frozenset({"research", "owners"}), frozenset({"hub"}), frozenset({"usr_ada"}))
    rule = permit(
        "some", '@lasts_at_most("4h") @approvals("1 of owners")',
        scope='principal in Group::"research", action == Action::"pull", resource in Target::"hub"',
    )  # fmt: skip
    assert Code.UNKNOWN_NAME not in codes(check(rule, known=there))
    for name in ("research", "owners", "hub"):
        said = [
            one.sentence for one in check(rule.replace(name, "misspelt"), known=there) if one.code is Code.UNKNOWN_NAME
        ]
        assert len(said) == 1
        assert "misspelt" in said[0]


def test_many_rules_are_looked_at_one_by_one() -> None:
    many = [permit(f"r{n}", scope=RESEARCH.replace("research", f"g{n}")) for n in range(12)]
    found = check(*many, forbid("no", scope=RESEARCH.replace("research", "g3")))
    assert [(one.rule, one.code) for one in found if one.code is Code.SHADOWED] == [("r3", Code.SHADOWED)]


@pytest.mark.parametrize("most", [3000, 500])
def test_no_claim_is_ever_wrong(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over random policies: what cannot match never does, and what changes nothing can be taken out."""
    monkeypatch.setattr(checking, "MOST_QUESTIONS", most)
    claims = 0
    for seed in range(at_length(200, 10)):
        maker = Maker(seed)
        rules = [rule for rule in maker.policy() if not cedarpy.validate_policies(rule, SCHEMA).errors]
        found = check(*rules) if rules else ()
        claimed = {one.rule: one.code for one in found if one.code in {Code.UNREACHABLE, Code.SHADOWED}}
        claims += len(claimed)
        parsed = rules_of({"rules.cedar": "\n".join(rules)})
        for asked in (maker.question() for _ in range(60)):
            before = answer(parsed, asked)
            if before.reason == "policy-broken":
                continue
            for name, code in claimed.items():
                without = answer([rule for rule in parsed if rule.annotations["id"] != name], asked)
                assert (before.is_allowed, before.terms) == (without.is_allowed, without.terms), f"{seed} {name} {code}"
                assert code is not Code.UNREACHABLE or name not in before.rules
    assert claims


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", None]), max_size=4), max_size=3),
    st.text("abc", min_size=1, max_size=5),
)
def test_a_witness_stands_for_every_name(patterns: list[list[str | None]], name: str) -> None:
    def fits(one: str) -> tuple[bool, ...]:
        return tuple(_fits(pattern, one) for pattern in patterns)

    assert fits(name) in {fits(one) for one in witnesses([tuple(pattern) for pattern in patterns])}


def _fits(pattern: list[str | None], name: str) -> bool:
    if not pattern:
        return not name
    if pattern[0] is None:
        return _fits(pattern[1:], name) or bool(name and _fits(pattern, name[1:]))
    return bool(name) and name[0] == pattern[0] and _fits(pattern[1:], name[1:])


def test_patterns_without_end_are_given_up_on() -> None:
    dice = Random(1)  # noqa: S311  # no secret
    patterns = [tuple(piece for _ in range(9) for piece in (None, dice.choice("abcdef"))) for _ in range(8)]
    with pytest.raises(TooMany):
        witnesses(patterns)

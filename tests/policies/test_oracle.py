"""Policy has a second opinion that shares nothing with it. On many random questions the two never differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

import cedarpy
import pytest

from jit_access.domain.operations import Operation, Staleness, Tier
from jit_access.policies.answers import PolicyAnswer, Terms, check_duration, combine
from jit_access.policies.compiler import CompiledPolicy, PolicyText, compile_policy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.questions import Assurance, Knowing, Phase, Proof, Question, Resource, Subject
from tests.policies.samples import EXAMPLE
from tests.support.cedar_oracle.answering import Asked, Outcome, answer, answer_all, rules_of
from tests.support.cedar_oracle.generating import Maker
from tests.support.cedar_oracle.lexing import OutsideSubset
from tests.support.cedar_oracle.parsing import Policy, policies_of
from tests.support.effort import at_length

SCHEMA = cedarpy.Schema.from_str(EXAMPLE.schema)
QUESTIONS = at_length(100_000, 4_000)
PER_POLICY = at_length(250, 100)


def question_of(asked: Asked) -> Question:
    what = Knowing.KNOW if asked.operation == "know" else Operation(asked.operation)
    return Question(
        Subject(asked.person, asked.groups, asked.is_agent, asked.is_active),
        what,
        Resource(asked.target, asked.repository, Tier(asked.tier)),
        asked.lasts_s,
        Phase(asked.phase),
        Proof(Assurance(asked.assurance), asked.factor_age_s if asked.factor_age_s >= 0 else None),
    )


def told(found: PolicyAnswer) -> Outcome:
    """The product's answer in the oracle's words."""
    terms = found.terms
    said: dict[str, object] = {
        "lasts": terms.lasts_at_most_s,
        "approvals": tuple(sorted((one.group, one.needed, one.stage) for one in terms.approvals)),
        "in_chat": terms.approve_in_chat,
        "auto": terms.auto,
        "break_glass": terms.break_glass_s,
        "factor": terms.factor_max_age_s,
        "approver_factor": terms.approver_factor_max_age_s,
        "passkey": terms.approver_level is Assurance.PHISHING_RESISTANT,
        "strict": terms.staleness is Staleness.STRICT,
        "bytes": terms.byte_budget,
        "count": terms.request_budget,
        "files": terms.refused_files,
    }
    assert len(said) == len(fields(Terms)), "a term that is new has to be known to the oracle too"
    has_terms = found.is_allowed or found.reason == "lasts-too-long"
    return Outcome(found.is_allowed, found.reason.value, found.rules, said if has_terms else {})


def both(text: str) -> tuple[CompiledPolicy, tuple[Policy, ...]]:
    files = {"rules.cedar": text}
    return compile_policy(PolicyText(EXAMPLE.schema, files)), rules_of(files)


def is_loadable(rule: str) -> bool:
    """False for what the validator refuses, such as a comparison of a word with a number. Nobody may load it."""
    return not cedarpy.validate_policies(rule, SCHEMA).errors


def answers_of(policy: CompiledPolicy, every: list[Asked]) -> PolicyAnswer:
    """As `services.decide_all` puts it together."""
    found = combine(policy.ask(question_of(asked)) for asked in every)
    return check_duration(found, max(asked.lasts_s for asked in every))


def compare(seed: int) -> Counter[str]:
    """One policy, many questions: alone, and three together as a request has them. Counts what came out."""
    maker = Maker(seed)
    text = "\n".join(rule for rule in maker.policy() if is_loadable(rule))
    outcomes: Counter[str] = Counter()
    if not text:
        return outcomes
    try:
        policy, rules = both(text)
    except PolicyBroken:
        return outcomes  # a rule that fails for every question; nobody may load it either
    for number in range(PER_POLICY):
        every = [maker.question() for _ in range(1 if number % 4 else 3)]
        if len(every) == 1:
            (asked,) = every
            here, there = told(policy.ask(question_of(asked))), answer(rules, asked)
        else:
            here, there = told(answers_of(policy, every)), answer_all(rules, every)
        assert here == there, f"seed {seed}\n{text}\n{every}"
        outcomes[here.reason] += 1
    return outcomes


def test_the_product_and_the_oracle_never_differ() -> None:
    seen: Counter[str] = Counter()
    seed = 0
    while seen.total() < QUESTIONS:
        seen += compare(seed)
        seed += 1
    assert seed < 2 * QUESTIONS // PER_POLICY, "most policies could be loaded"
    wanted = {"no-rule-allows", "forbidden-by-rule", "granted", "no-approval-needed", "policy-broken", "lasts-too-long"}
    assert wanted <= set(seen), "each kind of answer was among them"


def test_the_example_is_answered_the_same() -> None:
    """Every combination of what its rules look at, not a sample."""
    policy, rules = compile_policy(EXAMPLE), rules_of(EXAMPLE.files)
    for operation in (*Operation, Knowing.KNOW):
        for tier in Tier:
            for group in ("research", "model-owners", "security", "none"):
                for is_agent, assurance in ((True, 0), (False, 1), (False, 2), (False, 3)):
                    asked = Asked(
                        "usr_ada", frozenset({group}), is_agent, operation.value, "demo", "llm/a", tier.value, 3600,
                        "request", assurance, 5 if assurance > 1 else -1,
                    )  # fmt: skip
                    assert told(policy.ask(question_of(asked))) == answer(rules, asked), asked


@pytest.mark.parametrize(
    "text",
    [
        "permit (principal, action, resource) when { decimal(\"1.0\").lessThan(decimal(\"2.0\")) };",
        "permit (principal == ?principal, action, resource);",
        "permit (principal, action, resource) when { principal.hasTag(\"a\") };",
        "permit (principal, action, resource) when { 1 = 1 };",
    ],
)  # fmt: skip
def test_what_the_oracle_does_not_speak_it_does_not_guess(text: str) -> None:
    with pytest.raises(OutsideSubset):
        policies_of(text)

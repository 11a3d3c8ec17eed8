"""Why, or why not, and what would have to be otherwise: for one person, one repository, one operation.

The engine judges each condition by itself, and every "would be allowed if" is asked of it again as a whole question. So
nothing is promised that the answer would not keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import cedarpy

from jit_access.policies.answers import Approval, PolicyAnswer, Terms, check_duration
from jit_access.policies.broadness import mentions
from jit_access.policies.cedar_forms import Source, policy_set_of, request_form
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.condition_words import duration_words, probes_of, words_of
from jit_access.policies.questions import Assurance, Proof, Question

MOST_NEAR = 5
_HIDDEN = "a condition about the repository"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a rule asks for, and whether it is so."""

    text: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class NearRule:
    """One rule before one question: a forbid that matches, or a permit about this repository and operation."""

    rule: str
    is_permit: bool
    because: str
    conditions: tuple[Condition, ...]
    terms: Terms

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(one.text for one in self.conditions if not one.is_met)


@dataclass(frozen=True, slots=True)
class WouldBe:
    """What would have to be otherwise, all of it together, and what the answer would be then."""

    changes: tuple[str, ...]
    answer: PolicyAnswer
    rule: str  # the permit that would open it

    @property
    def sentence(self) -> str:
        return f"Would be allowed if: {'; '.join(self.changes)}."


@dataclass(frozen=True, slots=True)
class Why:
    """The answer, the rules that are near it, and the shortest ways from a refusal to an allow."""

    answer: PolicyAnswer
    rules: tuple[NearRule, ...]
    would_be: tuple[WouldBe, ...] = ()

    @property
    def approvals_wanted(self) -> tuple[Approval, ...]:
        """Of the answer, or of the nearest one that would be allowed."""
        if self.answer.is_allowed or not self.would_be:
            return self.answer.approvals
        return self.would_be[0].answer.approvals


def why(policy: CompiledPolicy, question: Question, *, hides_names: bool = False) -> Why:
    """Look at every rule that could speak to this. With `hides_names`, conditions on single names are not spelt out."""
    answer = check_duration(policy.ask(question), question.lasts_s)
    try:
        rules = tuple(_near(policy, question, hides_names=hides_names))
    except ValueError:
        return Why(answer, ())  # the answer already says that policy is broken
    shown = sorted(rules, key=lambda one: (one.is_permit, len(one.missing), one.rule))
    forbids = [one for one in shown if not one.is_permit]
    permits = [one for one in shown if one.is_permit]
    ways = () if answer.is_allowed else tuple(_ways(policy, question, permits))
    opening = {way.rule for way in ways}
    permits.sort(key=lambda one: one.rule not in opening)  # those that could be met come before an agent's, say
    return Why(answer, (*forbids, *permits[:MOST_NEAR]), ways)


def _near(policy: CompiledPolicy, question: Question, *, hides_names: bool) -> Iterator[NearRule]:
    """Forbids that match, and permits whose operation and repository are the ones that are asked about."""
    probes = {
        f"{rule}#{part}#{number}": probe
        for rule, source in policy.sources.items()
        for number, (part, probe) in enumerate(probes_of(source))
    }
    met = _met(policy, question, probes)
    for rule_id, rule in sorted(policy.rules.items()):
        own = {name: probe for name, probe in probes.items() if name.startswith(f"{rule_id}#")}
        unmet = {name.split("#")[1] for name in own if name not in met}
        if unmet & {"action", "resource"} or (not rule.is_permit and unmet):
            continue
        said = [Condition(_words(name, probe, hides_names), name in met) for name, probe in own.items()]
        yield NearRule(rule_id, rule.is_permit, rule.because, (*said, *_of_terms(rule.terms, question)), rule.terms)


def _met(policy: CompiledPolicy, question: Question, probes: Mapping[str, Source]) -> frozenset[str]:
    entities = policy.world.entities(question.subject, question.resource)
    result = cedarpy.is_authorized(request_form(question), policy_set_of(probes), entities, policy.schema)
    return frozenset(result.diagnostics.reasons)


def _words(name: str, probe: Source, hides_names: bool) -> str:
    part = name.split("#")[1]
    is_naming = mentions(probe["conditions"], "name", "target") or (
        part == "clause" and mentions(probe["conditions"], "resource")
    )
    return _HIDDEN if hides_names and is_naming else words_of(part, probe)


def _of_terms(terms: Terms, question: Question) -> Iterator[Condition]:
    if terms.lasts_at_most_s:
        yield Condition(f"lasts at most {duration_words(terms.lasts_at_most_s)}", _is_short(terms, question))
    if terms.factor_max_age_s:
        within, age = terms.factor_max_age_s, question.proof.factor_age_s
        said = f"a second factor at most {duration_words(within)} old when it starts"
        yield Condition(said, age is not None and age <= within)


def _is_short(terms: Terms, question: Question) -> bool:
    return 0 < question.lasts_s <= terms.lasts_at_most_s


def _ways(policy: CompiledPolicy, question: Question, permits: list[NearRule]) -> Iterator[WouldBe]:
    seen: set[tuple[str, ...]] = set()
    for permit in permits:
        for proof in (question.proof, _best_proof(question)):
            found = _way(policy, replace(question, proof=proof), question, permit)
            if found is not None:
                if found.changes not in seen:
                    seen.add(found.changes)
                    yield found
                break
        if len(seen) == MOST_NEAR:
            return


def _way(policy: CompiledPolicy, tried: Question, asked: Question, permit: NearRule) -> WouldBe | None:
    """The same question with what this rule misses, asked again. None when that would not do either."""
    groups = _groups_wanted(policy.sources[permit.rule])
    lacking = groups if groups and not groups & tried.subject.groups else frozenset()
    joins = (frozenset({name}) for name in sorted(lacking)) if lacking else iter((frozenset[str](),))
    for joined in joins:
        subject = replace(tried.subject, groups=tried.subject.groups | joined)
        lasts_s = min(asked.lasts_s, permit.terms.lasts_at_most_s)
        answer = policy.ask(replace(tried, subject=subject, lasts_s=lasts_s))
        if not answer.is_allowed:
            continue
        lasts_s = min(lasts_s, answer.lasts_at_most_s)
        answer = check_duration(policy.ask(replace(tried, subject=subject, lasts_s=lasts_s)), lasts_s)
        changes = [f"member of {name}" for name in sorted(joined)]
        changes += [f"lasts at most {duration_words(lasts_s)}"] if lasts_s != asked.lasts_s else []
        changes += ["a second factor is proved"] if tried.proof != asked.proof else []
        if answer.is_allowed and permit.rule in answer.rules and changes:
            return WouldBe(tuple(changes), answer, permit.rule)
    return None


def _best_proof(question: Question) -> Proof:
    return question.proof if question.subject.is_agent else Proof(max(Assurance), 0)


def _groups_wanted(source: Source) -> frozenset[str]:
    """Groups that a rule asks the principal to be in, in its scope or anywhere in its conditions."""
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, Mapping):
            if node.get("type") == "Group" and isinstance(node.get("id"), str):
                found.add(node["id"])
            for one in node.values():
                walk(one)
        elif isinstance(node, list):
            for one in node:
                walk(one)

    walk([source["principal"], source["conditions"]])
    return frozenset(found)

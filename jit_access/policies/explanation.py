"""Says why, or why not: each rule, and which of its conditions the question meets.

The engine itself judges every condition: each one becomes a probe policy of its own, so an explanation cannot differ
from the decision. Probes are only ever read here; they never decide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cedarpy

from jit_access.policies.answers import PolicyAnswer, Terms
from jit_access.policies.cedar_forms import policy_set_of, request_form
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.questions import Question

_ANY: dict[str, Any] = {"op": "All"}
_WORDS = {"principal": "who asks", "action": "what is done", "resource": "the repository"}
_CLAUSE = re.compile(r"(when|unless)\s*\{(.*)\}\s*;?\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a rule asks for, in words, and whether it is so."""

    text: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """One rule before one question. A forbid that matches closes the door; a permit that does opens it."""

    rule: str
    is_permit: bool
    because: str
    conditions: tuple[Condition, ...]
    terms: Terms

    @property
    def is_matching(self) -> bool:
        return all(condition.is_met for condition in self.conditions)

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(condition.text for condition in self.conditions if not condition.is_met)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, the rules that match, and the permits that would with one thing more, nearest first."""

    answer: PolicyAnswer
    matching: tuple[RuleExplanation, ...]
    near: tuple[RuleExplanation, ...]


def explain_question(compiled: CompiledPolicy, question: Question, answer: PolicyAnswer) -> Explanation:
    """Look at every rule. Rules about another operation are not near: nobody asked for that."""
    probes = {rule_id: dict(_probes(source)) for rule_id, source in compiled.sources.items()}
    met = _met(compiled, question, probes)
    explained = [_explain(compiled, rule_id, probes[rule_id], met) for rule_id in sorted(compiled.rules)]
    near = [
        found
        for found in explained
        if found.is_permit
        and not found.is_matching
        and f"{found.rule}#action" not in _unmet(probes[found.rule], found, met)
    ]
    return Explanation(
        answer,
        tuple(found for found in explained if found.is_matching),
        tuple(sorted(near, key=lambda found: len(found.missing))),
    )


def _unmet(probes: Mapping[str, Any], found: RuleExplanation, met: frozenset[str]) -> set[str]:
    return {f"{found.rule}#{part}" for part in probes} - met


def _met(compiled: CompiledPolicy, question: Question, probes: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    every = {f"{rule}#{part}": source for rule, parts in probes.items() for part, source in parts.items()}
    entities = compiled.world.entities(question.subject, question.resource)
    result = cedarpy.is_authorized(request_form(question), policy_set_of(every), entities, compiled.schema)
    return frozenset(result.diagnostics.reasons)


def _probes(source: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """One permit per condition, everything else left open, so that what permits is what is met."""
    blank = {
        "effect": "permit",
        "principal": _ANY,
        "action": _ANY,
        "resource": _ANY,
        "conditions": [],
        "annotations": {},
    }
    for part in _WORDS:
        if source[part]["op"] != "All":
            yield part, {**blank, part: source[part]}
    for index, clause in enumerate(source["conditions"]):
        yield f"clause{index}", {**blank, "conditions": [clause]}


def _explain(
    compiled: CompiledPolicy, rule_id: str, probes: Mapping[str, dict[str, Any]], met: frozenset[str]
) -> RuleExplanation:
    rule = compiled.rules[rule_id]
    conditions = tuple(Condition(_text_of(part, probe), f"{rule_id}#{part}" in met) for part, probe in probes.items())
    return RuleExplanation(rule_id, rule.is_permit, rule.because, conditions, rule.terms)


def _text_of(part: str, probe: Mapping[str, Any]) -> str:
    if part in _WORDS:
        return f"{_WORDS[part]}: {_scope_text(probe[part])}"
    text = cedarpy.policies_from_json_str(
        json.dumps({"templates": {}, "staticPolicies": {"probe": probe}, "templateLinks": []})
    )
    match = _CLAUSE.search(text)
    return " ".join(f"{match[1]} {match[2]}".split()) if match else "a further condition"


def _scope_text(scope: Mapping[str, Any]) -> str:
    entities = scope.get("entities") or [entity for entity in [scope.get("entity")] if entity]
    names = " or ".join(f"{entity['type'].lower()} {entity['id']}" for entity in entities)
    return names.replace("action ", "") or f"is {scope.get('entity_type', 'of another kind')}"

"""Asks every question of a space which rules match, and remembers for each rule what came of it.

Cedar says which rules decided; a forbid hides the permits beside it. So every rule is asked as a permit here, and the
decision is put together again: that of all rules, and that of all but one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import cedarpy

from jit_access.domain.operations import Operation, Tier
from jit_access.policies.answers import Terms, strictest
from jit_access.policies.cedar_forms import Source, policy_set_of, request_form
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.questions import Knowing, Question
from jit_access.policies.rules import Rule
from jit_access.policies.world import World


@dataclass(slots=True)
class Looked:
    """What one rule did over a space."""

    is_reached: bool = False
    changes_something: bool = False
    may_fail: bool = False
    is_for_people: bool = False
    operations: set[Operation | Knowing] = field(default_factory=set)
    tiers: set[Tier] = field(default_factory=set)
    beside: set[str] = field(default_factory=set)  # rules that matched wherever it did
    witness: Question | None = None


def as_permits(sources: Mapping[str, Source]) -> cedarpy.PolicySet:
    """The same rules, with the same conditions, all permitting: whatever matches is named."""
    return policy_set_of({rule: {**source, "effect": "permit"} for rule, source in sources.items()})


def look(policy: CompiledPolicy, rules: Collection[str], questions: Iterable[Question]) -> dict[str, Looked]:
    """Go through all questions with some of the rules, as if there were no others."""
    probes = as_permits({rule: policy.sources[rule] for rule in rules})
    world = World(policy.schema)
    found = {rule: Looked(beside=set(rules)) for rule in rules}
    for question in questions:
        entities = world.entities(question.subject, question.resource)
        result = cedarpy.is_authorized(request_form(question), probes, entities, policy.schema)
        matching = frozenset(result.diagnostics.reasons)
        errors = " ".join(map(str, result.diagnostics.errors))
        failing = [rule for rule in rules if f"`{rule}`" in errors] if errors else []
        for rule in failing:
            found[rule].may_fail = True
        for rule in matching:
            _note(found[rule], question, matching)
            if not found[rule].changes_something and not failing:
                found[rule].changes_something = meaning(policy.rules, matching) != meaning(
                    policy.rules, matching - {rule}
                )
    return found


def meaning(rules: Mapping[str, Rule], matching: frozenset[str]) -> Terms | None:
    """What somebody would notice of a decision: the terms under which it is open, or None where it is closed."""
    matched = [rules[rule] for rule in matching]
    is_open = bool(matched) and all(rule.is_permit for rule in matched)
    return strictest(rule.terms for rule in matched) if is_open else None


def _note(looked: Looked, question: Question, matching: frozenset[str]) -> None:
    looked.is_reached = True
    looked.witness = looked.witness or question
    looked.operations.add(question.operation)
    looked.tiers.add(question.resource.tier)
    looked.is_for_people = looked.is_for_people or not question.subject.is_agent
    looked.beside &= matching

"""Which rules a question can touch at all, so that Cedar looks at tens of them instead of a thousand.

Cedar looks at a rule's scope first: where that is false, nothing else of the rule is evaluated, and it can neither
decide nor err. So a rule may be left out when its scope cannot be true, and only then. What a scope says in a way that
is not known here counts as "may be true".
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import cedarpy

from jit_access.domain.operations import Operation, Tier
from jit_access.policies.cedar_forms import Source, entities_json, policy_set_of, repository_id, request_form
from jit_access.policies.questions import Assurance, Knowing, Proof, Question, Resource, Subject

_MOST_KEPT = 512
Action = Operation | Knowing
_ACTIONS: tuple[Action, ...] = (*Operation, *Knowing)
Place = tuple[str, str]  # type and id of the entity that a scope asks for
ANYWHERE: Place = ("", "")
# What a question's own entities can be equal to or in; see cedar_forms.entities_json.
_WHO, _WHERE = frozenset({"User", "Group"}), frozenset({"Repository", "Target", "Tier"})
_ANY: dict[str, str] = {"op": "All"}


class Slices:
    """The rules of one policy by what their scopes ask for."""

    def __init__(self, sources: Mapping[str, Source], schema: cedarpy.Schema) -> None:
        self._sources = sources
        self._cells: dict[Action, dict[Place, dict[Place, list[str]]]] = {
            action: defaultdict(lambda: defaultdict(list)) for action in _ACTIONS
        }
        actions_in = lru_cache(maxsize=None)(lambda scope: _actions_in(scope, schema))
        for rule, source in sources.items():
            where, who = place_of(source), _place_of(source["principal"], _WHO)
            for action in actions_in(json.dumps(source["action"], sort_keys=True)):
                self._cells[action][where][who].append(rule)
        self._kept: dict[tuple[str, ...], cedarpy.PolicySet] = {}

    def policy_set(self, question: Question) -> cedarpy.PolicySet:
        """A handle on every rule that could decide this question, or err on it."""
        rules = self.rules(question)
        found = self._kept.get(rules)
        if found is None:
            found = policy_set_of({rule: self._sources[rule] for rule in rules})
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[rules] = found
        return found

    def rules(self, question: Question) -> tuple[str, ...]:
        """Their ids, in an order that depends on the places only."""
        subject, resource = question.subject, question.resource
        who = (ANYWHERE, ("User", subject.id), *(("Group", name) for name in sorted(subject.groups)))
        cells = self._cells[question.operation]
        return tuple(rule for place in places(resource) if place in cells for rule in _of(cells[place], who))


def _of(cell: Mapping[Place, list[str]], who: tuple[Place, ...]) -> Iterator[str]:
    for place in who:
        yield from cell.get(place, ())


def place_of(source: Source) -> Place:
    """Where a rule's own scope says that it applies, as far as that can be told."""
    return _place_of(source["resource"], _WHERE)


def places(resource: Resource) -> tuple[Place, ...]:
    """Everywhere a repository is."""
    return (
        ANYWHERE,
        ("Repository", repository_id(resource)),
        ("Target", resource.target),
        ("Tier", resource.tier.value),
    )


def _place_of(scope: Mapping[str, Any], known: frozenset[str]) -> Place:
    """The entity that must be met, when there is one and nothing but our own entities can meet it."""
    wanted = scope if scope["op"] in {"==", "in"} else scope.get("in", {})
    entity = wanted.get("entity", {})
    return (entity["type"], entity["id"]) if entity.get("type") in known else ANYWHERE


def _actions_in(scope_json: str, schema: cedarpy.Schema) -> tuple[Action, ...]:
    """The actions that an action scope admits. Cedar says so itself: a schema may put actions into groups."""
    rule = {"effect": "permit", "principal": _ANY, "action": json.loads(scope_json), "resource": _ANY}
    probe = policy_set_of({"probe": {**rule, "conditions": [], "annotations": {}}})
    return tuple(action for action in _ACTIONS if _may_admit(probe, action, schema))


def _may_admit(probe: cedarpy.PolicySet, action: Action, schema: cedarpy.Schema) -> bool:
    subject, resource = Subject("usr_probe", frozenset(), False), Resource("probe", "probe", Tier.CRITICAL)
    question = Question(subject, action, resource, 1, proof=Proof(Assurance.SECOND_FACTOR, 1))
    try:
        entities = cedarpy.Entities.from_json_str(entities_json(subject, resource), schema)
        return cedarpy.is_authorized(request_form(question), probe, entities, schema).allowed
    except ValueError:
        return True  # a schema that our questions do not fit; whoever asks will hear so

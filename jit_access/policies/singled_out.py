"""Which repositories the rules tell apart by more than their target and tier.

Everything else is one of a kind: what is true of one standard repository of a target is true of all of them, so it is
asked once. A condition that is not understood here counts as one that may ask anything.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jit_access.policies.cedar_forms import Source, repository_id
from jit_access.policies.questions import Resource
from jit_access.policies.slices import Place, place_of, places

Kind = tuple[str, ...]  # equal for repositories of one target and tier that no rule tells apart
_MOST_KEPT = 100_000  # at about 200 bytes each
_RESOURCE = {"Var": "resource"}
_NAME = {".": {"left": _RESOURCE, "attr": "name"}}
_SHARED = ({".": {"left": _RESOURCE, "attr": "target"}}, {".": {"left": _RESOURCE, "attr": "tier"}})
_NAMING = ('"type": "Repository"', '"type": "Target"', '"attr": "name"', '"attr": "target"')
_SHARED_BY_ALL = frozenset({"has", "is"})  # every repository has the attributes and the type that the schema says


class SingledOut:
    """What the rules of one policy ask of single repositories."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        named: set[str] = set()
        asked: dict[Place, list[re.Pattern[str]]] = defaultdict(list)
        unclear: set[Place] = set()
        for source in sources.values():
            where = place_of(source)
            if where[0] == "Repository":
                named.add(where[1])
                continue
            try:
                for said in _said(source["conditions"]):
                    if isinstance(said, str):
                        named.add(said)
                    else:
                        asked[where].append(said)
            except _NotUnderstood:
                unclear.add(where)
        self.ids = frozenset(named)
        self._has_names = any(mark in json.dumps(source) for source in sources.values() for mark in _NAMING)
        self._asked = {where: tuple(dict.fromkeys(patterns)) for where, patterns in asked.items()}
        self._unclear = frozenset(unclear)
        self._kinds: dict[Resource, Kind] = {}

    @property
    def has_names(self) -> bool:
        """True when somebody who reads the rules learns what a target or repository is called."""
        return self._has_names

    @property
    def places(self) -> frozenset[Place]:
        """Where names matter, beside the repositories that are named themselves."""
        return self._unclear | set(self._asked)

    def kind_of(self, resource: Resource) -> Kind:
        """Repositories of one target and tier with the same kind are the same to every rule."""
        found = self._kinds.get(resource)
        if found is None:
            if len(self._kinds) >= _MOST_KEPT:
                self._kinds.clear()
            found = self._kinds[resource] = self._find_kind(resource)
        return found

    def _find_kind(self, resource: Resource) -> Kind:
        where = places(resource)
        if repository_id(resource) in self.ids or not self._unclear.isdisjoint(where):
            return ("name", resource.repository)
        return tuple(
            "+" if pattern.fullmatch(resource.repository) else "-"
            for place in where
            for pattern in self._asked.get(place, ())
        )


class _NotUnderstood(Exception):
    """A condition that looks at the repository in a way that is not known here."""


def _said(node: Any) -> Iterator[re.Pattern[str] | str]:
    """Patterns of names and ids of repositories in an expression of Cedar's JSON form. Raises _NotUnderstood."""
    if node == _RESOURCE:
        raise _NotUnderstood
    if isinstance(node, list):
        for part in node:
            yield from _said(part)
    elif isinstance(node, dict) and node not in _SHARED:
        for verb, body in node.items():
            yield from _of(verb, body)


def _of(verb: str, body: Any) -> Iterator[re.Pattern[str] | str]:
    sides: list[Any] = [body.get("left"), body.get("right")] if isinstance(body, dict) else [None, None]
    if verb in _SHARED_BY_ALL and sides[0] == _RESOURCE and "in" not in body:
        return
    if verb == "like" and sides[0] == _NAME:
        yield _compile(body["pattern"])
    elif verb in {"==", "!="} and _NAME in sides:
        yield from _equal_to(sides[1 - sides.index(_NAME)])
    elif verb in {"==", "!=", "in"} and _RESOURCE in sides:
        yield from _ids(sides[1 - sides.index(_RESOURCE)])
    else:
        yield from _said(body)


def _compile(pattern: Iterable[Any]) -> re.Pattern[str]:
    parts = (".*" if part == "Wildcard" else re.escape(part["Literal"]) for part in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _equal_to(other: Any) -> Iterator[re.Pattern[str]]:
    text = other.get("Value") if isinstance(other, dict) else None
    if not isinstance(text, str):
        raise _NotUnderstood
    yield re.compile(re.escape(text))


def _ids(other: Any) -> Iterator[str]:
    """The repositories among the entities that one is compared with. Targets and tiers single nothing out."""
    for literal in other["Set"] if isinstance(other, dict) and "Set" in other else [other]:
        value = literal.get("Value") if isinstance(literal, dict) else None
        entity = value.get("__entity") if isinstance(value, dict) else None
        if not isinstance(entity, dict):
            raise _NotUnderstood
        if entity["type"] == "Repository":
            yield entity["id"]

"""Every question that could make a difference to some rules: one for each combination of the facts they look at.

Rules compare facts with constants. Two questions that fall on the same side of each constant are the same to them, so
finitely many stand for all. Where a rule looks at a fact in a way that is not known here, the space is not complete:
what is found in it is true, what is not found in it may still be somewhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from math import prod
from typing import Any

from jit_access.domain.operations import Operation, Tier
from jit_access.policies.cedar_forms import Source
from jit_access.policies.name_patterns import Pattern, TooMany, pattern_from, witnesses
from jit_access.policies.questions import Assurance, Knowing, Phase, Proof, Question, Resource, Subject
from jit_access.policies.rules import MAX_DURATION_S

MOST_GROUPS = 6  # of all their combinations, which are 64
SOMEBODY, ELSEWHERE = "usr_somebody", "elsewhere"
_NUMBERS = frozenset({"lasts_s", "factor_age_s", "assurance"})
_ENTITIES = frozenset({"principal", "action", "resource"})
_HOLDERS = ({"Var": "context"}, {"Var": "resource"})  # what has attributes
_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">="})


@dataclass(slots=True)
class Constants:
    """What rules compare with, by the fact. `is_understood` turns False at the first thing that is not known here."""

    numbers: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in _NUMBERS})
    users: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)
    tiers: set[str] = field(default_factory=set)
    patterns: set[Pattern] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)  # facts that are looked at in any way
    is_understood: bool = True


def constants_of(sources: Iterable[Source]) -> Constants:
    """Everything that these rules compare facts with."""
    found = Constants()
    for source in sources:
        for part in ("principal", "action", "resource"):
            _read_scope(source[part], found)
        for clause in source["conditions"]:
            _read(clause["body"], found)
    return found


@dataclass(frozen=True, slots=True)
class Space:
    """The questions as a product of facts."""

    axes: tuple[tuple[Any, ...], ...]
    is_complete: bool

    @property
    def size(self) -> int:
        return prod(len(axis) for axis in self.axes)

    def questions(self) -> Iterator[Question]:
        """All of them. The likely ones come first: a person with a fresh second factor who asks for a pull."""
        for what, tier, groups, is_agent, level, age, lasts_s, phase, user, target, name in product(*self.axes):
            subject, proof = Subject(user, groups, is_agent), Proof(level, age)
            yield Question(subject, what, Resource(target, name, tier), lasts_s, phase, proof)


def space_of(found: Constants, *, knows: bool, closed: frozenset[Operation] = frozenset()) -> Space:
    """The space of rules with these constants. `knows` says that the schema has the question about knowing."""
    is_complete = found.is_understood and len(found.groups) <= MOST_GROUPS
    try:
        names = witnesses(sorted(found.patterns, key=repr))
    except TooMany:
        names, is_complete = ("name",), False
    axes: tuple[tuple[Any, ...], ...] = (
        (*(one for one in Operation if one not in closed), *((Knowing.KNOW,) if knows else ())),
        tuple(Tier),
        tuple(_subsets(sorted(found.groups))),
        (False, True) if "is_agent" in found.touched else (False,),
        tuple(sorted(Assurance, reverse=True)) if "assurance" in found.touched else (Assurance.SECOND_FACTOR,),
        (*_around(found.numbers["factor_age_s"], least=0), None) if "factor_age_s" in found.touched else (0,),
        _around(found.numbers["lasts_s"], least=1),
        tuple(Phase) if "phase" in found.touched else (Phase.REQUEST,),
        (SOMEBODY, *sorted(found.users)),
        (ELSEWHERE, *sorted(found.targets)),
        names,
    )
    return Space(axes, is_complete)


def _subsets(groups: list[str]) -> Iterator[frozenset[str]]:
    sizes = range(len(groups) + 1) if len(groups) <= MOST_GROUPS else (0, 1, 2, len(groups))
    for size in sizes:
        yield from (frozenset(some) for some in combinations(groups, size))


def _around(numbers: set[int], *, least: int) -> tuple[int, ...]:
    """Each number and its neighbours: the least one, and both sides of every comparison."""
    near = {number + step for number in numbers for step in (-1, 0, 1)}
    return tuple(sorted({least} | {number for number in near if least <= number < 2**63}))


def _read_scope(scope: Mapping[str, Any], found: Constants) -> None:
    wanted = scope.get("in", scope) if scope["op"] == "is" else scope
    for entity in wanted.get("entities") or [wanted.get("entity")]:
        if entity is not None:
            _note_entity(entity, found)


def _note_entity(entity: Mapping[str, str], found: Constants) -> None:
    kind, name = entity["type"], entity["id"]
    if kind == "Repository":
        target, _, repository = name.partition("/")
        found.targets.add(target)
        found.patterns.add(pattern_from(repository))
    elif kind in {"User", "Group", "Target", "Tier"}:
        {"User": found.users, "Group": found.groups, "Target": found.targets, "Tier": found.tiers}[kind].add(name)
    elif kind != "Action":
        found.is_understood = False


def _read(node: Any, found: Constants) -> None:
    """One expression that is true or false."""
    ((verb, body),) = node.items()
    if verb in {"&&", "||"}:
        _read(body["left"], found)
        _read(body["right"], found)
    elif verb == "!":
        _read(body["arg"], found)
    elif verb == "if-then-else":
        for part in ("if", "then", "else"):
            _read(body[part], found)
    elif verb == "Value" and isinstance(body, bool):
        return
    elif not _is_atom(verb, body, node, found):
        found.is_understood = False
        found.numbers["lasts_s"].add(MAX_DURATION_S)  # if it reckons with the time, the longest one is where it fails


def _is_atom(verb: str, body: Any, node: Any, found: Constants) -> bool:
    """One fact beside constants. Anything else is not understood."""
    if verb in _COMPARING:
        one, other = body["left"], body["right"]
        return _is_compared(verb, one, other, found) or _is_compared(verb, other, one, found)
    if verb in {"is", "in"}:
        entities = body.get("in") if verb == "is" else body["right"]
        return body["left"].get("Var") in _ENTITIES and _is_all(entities, found)
    if verb == "contains" and "Set" in body["left"]:
        return all(_is_compared("==", body["right"], one, found) for one in body["left"]["Set"])
    if verb == "like" and _fact(body["left"]) == "name":
        found.patterns.add(_letters(body["pattern"]))
        return True
    if verb == "has" or (verb == "." and _fact(node) == "is_agent"):
        found.touched.add(str(body["attr"]))
        return body["left"] in _HOLDERS
    return False


def _is_all(node: Any, found: Constants) -> bool:
    """Entities that are written out: one, or a list."""
    if node is None:
        return True
    entities = [one.get("Value", {}) for one in node.get("Set", [node])]
    if not all(isinstance(one, dict) and "__entity" in one for one in entities):
        return False
    for one in entities:
        _note_entity(one["__entity"], found)
    return True


def _is_compared(verb: str, side: Any, other: Any, found: Constants) -> bool:
    value = other.get("Value") if isinstance(other, dict) else None
    fact = _fact(side)
    if isinstance(value, dict) and side.get("Var") in _ENTITIES:
        return _is_all(other, found)
    if fact is None or value is None or isinstance(value, dict):
        return False
    found.touched.add(fact)
    if fact in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        found.numbers[fact].add(value)
    elif fact == "name" and verb in {"==", "!="}:
        found.patterns.add(pattern_from(value))
    elif fact in {"target", "tier"}:
        {"target": found.targets, "tier": found.tiers}[fact].add(value)
    else:
        return fact in {"phase", "is_agent"}
    return True


def _fact(node: Any) -> str | None:
    """`context.lasts_s` and `resource.name` are facts; what else has a dot is not known here."""
    if not isinstance(node, dict) or set(node) != {"."}:
        return None
    return str(node["."]["attr"]) if node["."]["left"] in _HOLDERS else None


def _letters(pattern: Iterable[Any]) -> Pattern:
    return tuple(letter for part in pattern for letter in ((None,) if part == "Wildcard" else tuple(part["Literal"])))

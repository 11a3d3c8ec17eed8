"""What an expression is worth. A value is a tagged tuple, so that `true` is not 1 and a set is not a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.cedar_oracle.parsing import Expression

Value = tuple[Any, ...]
_LEAST, _MOST = -(2**63), 2**63 - 1


class Faulty(Exception):
    """Cedar's evaluation error: wrong type, no such attribute, a number too large."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The variables, and what is known of entities: their attributes, and everything they are in."""

    variables: Mapping[str, Value]
    attributes: Mapping[Value, Mapping[str, Value]]
    ancestors: Mapping[Value, frozenset[Value]]


def value_of(said: Expression, facts: Facts) -> Value:
    """Raises: Faulty."""
    form, *parts = said
    if form in _LAZY:
        return _LAZY[form](parts, facts)
    values = [value_of(part, facts) for part in parts]
    return _EAGER[form](*values)


def is_true(said: Expression, facts: Facts) -> bool:
    """Raises: Faulty, also where it is no yes or no."""
    return bool(_as("bool", value_of(said, facts)))


def _as(kind: str, value: Value) -> Any:
    if value[0] != kind:
        raise Faulty(f"{value} is no {kind}")
    return value[1]


def _bool(value: bool) -> Value:
    return ("bool", value)


def _long(number: int) -> Value:
    if not _LEAST <= number <= _MOST:
        raise Faulty("overflow")
    return ("long", number)


def _set(value: Value) -> frozenset[Value]:
    return frozenset(_as("set", value))


def _if(parts: list[Any], facts: Facts) -> Value:
    return value_of(parts[1] if is_true(parts[0], facts) else parts[2], facts)


def _has(parts: list[Any], facts: Facts) -> Value:
    return _bool(parts[1] in _fields(value_of(parts[0], facts), facts))


def _get(parts: list[Any], facts: Facts) -> Value:
    fields = _fields(value_of(parts[0], facts), facts)
    if parts[1] not in fields:
        raise Faulty(f"no attribute {parts[1]}")
    return fields[parts[1]]


def _fields(value: Value, facts: Facts) -> Mapping[str, Value]:
    if value[0] == "record":
        return dict(value[1])
    if value[0] == "entity":
        return facts.attributes.get(value, {})
    raise Faulty("nothing that has attributes")


def _in(parts: list[Any], facts: Facts) -> Value:
    one, other = (value_of(part, facts) for part in parts)
    _check_entity(one)
    wanted = _set(other) if other[0] == "set" else frozenset({other})
    for entity in wanted:
        _check_entity(entity)
    return _bool(not wanted.isdisjoint({one} | facts.ancestors.get(one, frozenset())))


def _check_entity(value: Value) -> None:
    if value[0] != "entity":
        raise Faulty(f"{value} is no entity")


def _is(parts: list[Any], facts: Facts) -> Value:
    value = value_of(parts[0], facts)
    _check_entity(value)
    return _bool(value[1] == parts[1])


def _like(parts: list[Any], facts: Facts) -> Value:
    """The leftmost fit of each piece is as good as any other, so nothing has to be tried twice."""
    text, (first, *rest) = _as("string", value_of(parts[0], facts)), parts[1]
    if not rest:
        return _bool(text == first)
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return _bool(False)
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return _bool(False)
        at = found + len(piece)
    return _bool(True)


def _record(parts: list[Any], facts: Facts) -> Value:
    return ("record", tuple(sorted((name, value_of(said, facts)) for name, said in parts)))


_LAZY: Mapping[str, Callable[[list[Any], Facts], Value]] = {
    "value": lambda parts, _facts: parts[0],
    "var": lambda parts, facts: facts.variables[parts[0]],
    "&&": lambda parts, facts: _bool(is_true(parts[0], facts) and is_true(parts[1], facts)),
    "||": lambda parts, facts: _bool(is_true(parts[0], facts) or is_true(parts[1], facts)),
    "if": _if,
    "has": _has,
    ".": _get,
    "in": _in,
    "is": _is,
    "like": _like,
    "record": _record,
}
_EAGER: Mapping[str, Callable[..., Value]] = {
    "!": lambda one: _bool(not _as("bool", one)),
    "neg": lambda one: _long(-_as("long", one)),
    "==": lambda one, other: _bool(one == other),
    "!=": lambda one, other: _bool(one != other),
    "<": lambda one, other: _bool(_as("long", one) < _as("long", other)),
    "<=": lambda one, other: _bool(_as("long", one) <= _as("long", other)),
    ">": lambda one, other: _bool(_as("long", one) > _as("long", other)),
    ">=": lambda one, other: _bool(_as("long", one) >= _as("long", other)),
    "+": lambda one, other: _long(_as("long", one) + _as("long", other)),
    "-": lambda one, other: _long(_as("long", one) - _as("long", other)),
    "*": lambda one, other: _long(_as("long", one) * _as("long", other)),
    "set": lambda *items: ("set", frozenset(items)),
    "contains": lambda one, other: _bool(other in _set(one)),
    "containsAll": lambda one, other: _bool(_set(one) >= _set(other)),
    "containsAny": lambda one, other: _bool(not _set(one).isdisjoint(_set(other))),
    "isEmpty": lambda one: _bool(not _set(one)),
}

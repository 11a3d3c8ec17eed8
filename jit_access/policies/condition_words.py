"""Conditions of rules in words that people use: "member of research", "a second factor that is at most 15 min old"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import cedarpy

from jit_access.policies.cedar_forms import Source

_ANY: dict[str, Any] = {"op": "All"}
_BLANK: Source = {
    "effect": "permit", "principal": _ANY, "action": _ANY, "resource": _ANY, "conditions": [], "annotations": {},
}  # fmt: skip
_PARTS = ("principal", "action", "resource")
_CLAUSE = re.compile(r"(when|unless)\s*\{(.*)\}\s*;?\s*$", re.DOTALL)
_FACTS = {"lasts_s": "time", "factor_age_s": "age of the second factor", "assurance": "proof"}
_SIGNS = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least", "==": "exactly", "!=": "not"}
_PROOFS = {1: "a password", 2: "a second factor", 3: "a passkey"}


def probes_of(source: Source) -> Iterator[tuple[str, Source]]:
    """One permit per condition, everything else left open: what permits is what is met. What is joined by "and"
    becomes conditions of their own, so that each can be said to be missing."""
    for part in _PARTS:
        if source[part]["op"] != "All":
            yield part, {**_BLANK, part: source[part]}
    for clause in source["conditions"]:
        for body in _joined(clause["body"]) if clause["kind"] == "when" else [clause["body"]]:
            yield "clause", {**_BLANK, "conditions": [{"kind": clause["kind"], "body": body}]}


def _joined(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of an "and". A part that must hold for the next one to make sense stays with it."""
    both = body.get("&&")
    if both is None or "has" in json.dumps(both["left"]):
        yield body
        return
    yield from _joined(both["left"])
    yield from _joined(both["right"])


def words_of(part: str, probe: Source) -> str:
    """One condition, as an ending of "this needs …"; Cedar's own text where there are no better words."""
    if part in _PARTS:
        return _scope_words(part, probe[part])
    (clause,) = probe["conditions"]
    body, is_not = clause["body"], clause["kind"] == "unless"
    if "!" in body:
        body, is_not = body["!"]["arg"], not is_not
    words = _fact_words(body, is_not=is_not)
    return words or _cedar_text(probe)


def _scope_words(part: str, scope: Mapping[str, Any]) -> str:
    inner = scope.get("in", {}) if scope["op"] == "is" else scope
    entities = inner.get("entities") or [entity for entity in [inner.get("entity")] if entity]
    names = " or ".join(_entity_words(entity) for entity in entities) or f"of the kind {scope.get('entity_type', '?')}"
    return names if part == "principal" else f"to {names}" if part == "action" else f"a repository {names}"


def _entity_words(entity: Mapping[str, str]) -> str:
    kind, name = entity["type"], entity["id"]
    return {
        "Group": f"member of {name}",
        "User": f"the account {name}",
        "Action": name,
        "Target": f"at {name}",
        "Tier": f"of the tier {name}",
        "Repository": f"called {name}",
    }.get(kind, f"{kind} {name}")


def _fact_words(body: Mapping[str, Any], *, is_not: bool) -> str:
    ((verb, inner),) = body.items()
    if verb == "." and inner.get("attr") == "is_agent":
        return "a person, not an agent" if is_not else "an agent, not a person"
    if verb == "in" and inner["left"] == {"Var": "principal"} and not is_not:
        entities = [
            one["Value"].get("__entity") for one in inner["right"].get("Set", [inner["right"]]) if "Value" in one
        ]
        return " or ".join(_entity_words(entity) for entity in entities if entity)
    if verb in _SIGNS and not is_not:
        return _comparison_words(verb, inner)
    return ""


def _comparison_words(sign: str, inner: Mapping[str, Any]) -> str:
    fact, value = inner["left"].get(".", {}).get("attr"), inner["right"].get("Value")
    if fact not in _FACTS or not isinstance(value, int) or isinstance(value, bool):
        return ""
    if fact == "assurance":
        return f"proved by {_PROOFS[value]} or better" if sign == ">=" and value in _PROOFS else ""
    return f"a {_FACTS[fact]} of {_SIGNS[sign]} {duration_words(value)}"


def duration_words(seconds: int) -> str:
    """The largest unit that says it exactly."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _cedar_text(probe: Source) -> str:
    form = {"templates": {}, "staticPolicies": {"probe": probe}, "templateLinks": []}
    match = _CLAUSE.search(cedarpy.policies_from_json_str(json.dumps(form)))
    return " ".join(f"{match[1]} {match[2]}".split()) if match else "a further condition"

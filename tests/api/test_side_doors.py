"""Every write of the API, with every column of every model smuggled in: refused by name, and nothing changed.

TEAM PR #605: a generic update let clients write state. A new endpoint is tried here without being named.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pytest
from django.apps import apps

from jit_access.api import throttling
from tests.api.furnished import Furnished, furnish
from tests.api.walking import Operation, operations, resolve
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db
WRITES = [one for one in operations() if one.method != "get"]
# Words that no column has and that have opened doors elsewhere.
WORDS = {
    "is_approved",
    "approvals",
    "approved_by",
    "role",
    "roles",
    "is_admin",
    "permissions",
    "__proto__",
    "$set",
    "id",
}
# What changes because somebody came, whatever they asked.
MOVING = {"audit", "sessions"}


@pytest.fixture
def furnished(cast: Cast) -> Furnished:
    return furnish(cast)


@lru_cache(maxsize=1)
def columns() -> frozenset[str]:
    ours = [model for model in apps.get_models() if model.__module__.startswith("jit_access.")]
    names = {field.name for model in ours for field in model._meta.get_fields() if hasattr(field, "attname")}
    assert {"state", "version", "owner", "is_active", "payload_hash", "valid_until"} <= names
    return frozenset(names | WORDS)


def sample(shape: dict[str, Any]) -> Any:
    """Something that the schema allows."""
    shape = resolve(shape)
    if "enum" in shape:
        return shape["enum"][0]
    for many in ("oneOf", "anyOf"):
        if many in shape:
            return sample(shape[many][0])
    kind = shape.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        needed = shape.get("required", ())
        return {name: sample(one) for name, one in shape.get("properties", {}).items() if name in needed}
    if kind == "array":
        return [sample(shape["items"])]
    if shape.get("format") == "date-time":
        return "2030-01-01T00:00:00Z"
    plain = {"integer": max(60, shape.get("minimum", 60)), "boolean": False, "number": 1, "null": None}
    return plain.get(str(kind), "x" * max(1, shape.get("minLength", 12)))


def send(furnished: Furnished, role: str, one: Operation, raw: str, *, query: str = "", kind: str = "application/json"):
    throttling.forget()
    caller = furnished.callers[role]
    return caller.client.generic(
        one.method.upper(), furnished.fill(one.path) + query, raw, content_type=kind, headers=caller.headers
    )


def told(answer: Any) -> str:
    return f"{answer.status_code} {answer.content[:200]!r}"


def snapshot() -> dict[str, int]:
    """What stands in each table, boiled down."""
    found = {}
    for model in apps.get_models():
        if model._meta.app_label in MOVING or model.__name__ == "WebSession":
            continue
        skipped = {"last_used_at", "last_used_from", "seen_at", "use_count", "last_login"}
        names = [field.attname for field in model._meta.concrete_fields if field.attname not in skipped]
        found[model._meta.label] = hash(str(sorted(map(str, model.objects.values_list(*names)))))
    return found


def test_no_column_is_a_field(furnished: Furnished) -> None:
    before, problems = snapshot(), []
    for one in WRITES:
        body = sample(one.body) if one.body else {}
        smuggled = columns() - set(one.body.get("properties", {}))
        raw = json.dumps(body | dict.fromkeys(smuggled, "approved"))
        for role in furnished.callers:
            answer = send(furnished, role, one, raw)
            if answer.status_code == 401:
                continue  # a token where a session is asked for
            missed = smuggled - set(answer.json().get("fields", {}))
            if answer.status_code != 400 or missed:
                problems.append(f"{one.name} as {role}: {told(answer)}; taken: {sorted(missed)[:5]}")
        problems += [f"{one.name} changed {name}" for name in changed(before)]
    assert not problems, "\n".join(problems)


def test_what_two_readers_could_read_differently_is_refused(furnished: Furnished) -> None:
    before, problems = snapshot(), []
    for one in WRITES:
        body = sample(one.body) if one.body else {}
        plain, name = json.dumps(body), next(iter(body), "code")
        twice = f'{{"{name}": "x", {plain[1:]}' if body else f'{{"{name}": "x", "{name}": "y"}}'
        for role in furnished.callers:
            answers = (
                send(furnished, role, one, twice),
                send(furnished, role, one, plain, query=f"?{name}=x"),
                send(furnished, role, one, f"{name}=x", kind="application/x-www-form-urlencoded"),
                send(furnished, role, one, f"[{plain}]"),
            )
            taken = [answer for answer in answers if answer.status_code not in {400, 401, 415}]
            problems += [f"{one.name} as {role}: {told(answer)}" for answer in taken]
        problems += [f"{one.name} changed {name}" for name in changed(before)]
    assert not problems, "\n".join(problems)


def changed(before: dict[str, int]) -> list[str]:
    now = snapshot()
    return [name for name in before if before[name] != now[name]]


def test_the_bodies_are_near_valid(furnished: Furnished) -> None:
    """Else all of the above would be refused for another reason; and a change is seen."""
    before = snapshot()
    one = next(found for found in WRITES if found.name == "lock_place")
    body = sample(one.body) | {"axis": "person", "name": "ada"}
    assert send(furnished, "security", one, json.dumps(body)).status_code == 201
    assert "locks.Lock" in changed(before)

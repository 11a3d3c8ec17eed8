"""What directories send, made one thing: a resource, or a list of changes, becomes a dictionary of ours.

Entra sends `"active": "False"`, capital letters in `op`, and paths as keys of a value; Okta sends a value without a
path. Both are what RFC 7644 3.5.2 can be read as. What we do not keep is ignored (RFC 7643 2.2), what we keep is typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jit_access.provisioning.errors import ScimError

MAX_OPERATIONS: Final = 100
MAX_MEMBERS: Final = 2000
_ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"
_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0:"
_MEMBER = re.compile(r'members\[\s*value\s+eq\s+"([^"\\]{1,100})"\s*\]', re.IGNORECASE)
_EMAIL = re.compile(r"emails(?:\[[^\]]{1,80}\])?(?:\.value)?", re.IGNORECASE)
# SCIM attribute in small letters -> what it is called here.
_TEXTS: Final = {
    "username": "username",
    "externalid": "external_id",
    "displayname": "display_name",
    "name.formatted": "formatted",
    "name.givenname": "given",
    "name.familyname": "family",
    "title": "title",
}

Facts = dict[str, Any]


def read_person(body: Mapping[str, Any]) -> Facts:
    """A whole user (POST, PUT). Raises: ScimError."""
    facts: Facts = {}
    for name, value in body.items():
        _take(facts, str(name), value)
    return facts


def read_person_patch(body: Mapping[str, Any]) -> Facts:
    """The changes of a PATCH to a user; a removed attribute is empty. Raises: ScimError."""
    facts: Facts = {}
    for op, path, value in _operations(body):
        if op == "remove":
            _take(facts, path, None)
        elif path:
            _take(facts, path, value)
        elif isinstance(value, Mapping):
            for name, item in value.items():
                _take(facts, str(name), item)
        else:
            raise _bad("an operation without a path has an object as its value")
    return facts


def read_members(value: object) -> tuple[str, ...]:
    """The ids in a list of members. Raises: ScimError."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    if len(items) > MAX_MEMBERS:
        raise ScimError(413, f"At most {MAX_MEMBERS} members are taken at once.", "tooMany")
    ids = [item.get("value") if isinstance(item, Mapping) else item for item in items]
    if not all(isinstance(one, str) and one for one in ids):
        raise _bad("a member has an id")
    return tuple(dict.fromkeys(str(one) for one in ids))


def read_group_patch(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Changes to a group in order: ("add" | "remove" | "replace", ids), ("name", text), ("external_id", text)."""
    for op, path, value in _operations(body):
        one = _MEMBER.fullmatch(path)
        if one is not None:
            if op != "remove":
                raise _bad("one member can only be removed")
            yield "remove", (one[1],)
        elif path.lower() == "members":
            # RFC: a removal without a filter removes all; Entra names whom it means in the value.
            ids = read_members(value)
            yield ("replace", ()) if op == "remove" and not ids else (op, ids)
        elif not path and isinstance(value, Mapping):
            for name, item in value.items():
                yield from _group_attribute(op, str(name), item)
        else:
            yield from _group_attribute(op, path, value)


def _group_attribute(op: str, name: str, value: object) -> Iterator[tuple[str, Any]]:
    key = _plain(name)
    if key == "members":
        yield op, read_members(value)
    elif key == "displayname" and op != "remove":
        yield "name", _text(value, name)
    elif key == "externalid":
        yield "external_id", "" if op == "remove" else _text(value, name)


def _operations(body: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
    listed = body.get("Operations")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_OPERATIONS:
        raise _bad(f"it has 1 to {MAX_OPERATIONS} operations")
    for item in listed:
        op = item.get("op") if isinstance(item, Mapping) else None
        path = item.get("path") or "" if isinstance(item, Mapping) else None
        if not isinstance(op, str) or op.lower() not in {"add", "replace", "remove"} or not isinstance(path, str):
            raise _bad("an operation is add, replace or remove, with a path")
        if len(path) > 300 or (op.lower() == "remove" and not path):
            raise ScimError(400, "A removal says what it removes.", "noTarget")
        yield op.lower(), path, item.get("value")


def _take(facts: Facts, name: str, value: object) -> None:
    key = _plain(name)
    if key == "active":
        facts["active"] = _flag(value)
    elif key in _TEXTS:
        facts[_TEXTS[key]] = "" if value is None else _text(value, name)
    elif key == "name" and isinstance(value, Mapping):
        for part, item in value.items():
            _take(facts, f"name.{part}", item)
    elif _EMAIL.fullmatch(key):
        facts["email"] = _email(value)
    elif key in {"manager", "manager.value"}:
        facts["manager"] = _manager(value)
    elif key == _ENTERPRISE and isinstance(value, Mapping):
        for part, item in value.items():
            _take(facts, str(part), item)


def _plain(name: str) -> str:
    """Without the schema in front, in small letters: attribute names are not case-exact (RFC 7643 2.1)."""
    key = name.lower()
    if key.startswith(f"{_ENTERPRISE}:"):
        return key[len(_ENTERPRISE) + 1 :]
    return key.removeprefix(f"{_CORE}user:").removeprefix(f"{_CORE}group:")


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _bad("active is true or false")


def _email(value: object) -> str:
    items = value if isinstance(value, list) else [value]
    found = [item for item in items if isinstance(item, Mapping)]
    first = next((one for one in found if one.get("primary") in (True, "True", "true")), found[0] if found else None)
    address = first.get("value") if first is not None else items[0] if items else ""
    return _text(address, "emails") if address else ""


def _manager(value: object) -> str:
    item = value.get("value") if isinstance(value, Mapping) else value
    return _text(item, "manager") if item else ""


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > 320:
        raise _bad(f"{name[:40]} is a text of at most 320 characters")
    return value.strip()


def _bad(why: str) -> ScimError:
    return ScimError(400, f"This cannot be used: {why}.", "invalidValue")

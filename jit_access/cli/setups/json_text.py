"""One member of a JSON file, put in or taken out. All other bytes stay: their order, spaces and line ends too.

Loading and dumping would write the whole file anew, in our style, over somebody's own. So the text is read only far
enough to find where a member stands.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
DEFAULT_INDENT = "\t"  # Docker's own


class NotPlain(Exception):
    """Not a JSON object that we can change. The text ends a sentence that begins with the file's name."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    begin: int  # of its name
    value_begin: int
    end: int  # behind its value


@dataclass(frozen=True, slots=True)
class _Object:
    """An object in the text, from its opening brace to its closing one."""

    begin: int
    end: int
    members: tuple[_Member, ...]

    def find(self, name: str) -> _Member | None:
        return next((item for item in self.members if item.name == name), None)


def get(text: str, *path: str) -> object:
    """The value at a path of names, or None. Raises: NotPlain."""
    found: object = _load(text)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def put(text: str, path: tuple[str, ...], value: str) -> str:
    """Set the text at `path`; objects on the way are made. Raises: NotPlain."""
    _load(text)
    if not text.strip():
        text = "{}\n"
    at = _object(text, _SPACE.match(text, 0).end())  # type: ignore[union-attr]  # this expression always matches
    for depth, name in enumerate(path):
        found = at.find(name)
        if found is None:
            return _insert(text, at, depth, _nested(path[depth:], value, depth, text))
        if depth == len(path) - 1:
            return text[: found.value_begin] + json.dumps(value) + text[found.end :]
        if text[found.value_begin] != "{":
            raise NotPlain(f"has something else than an object as {name}")
        at = _object(text, found.value_begin)
    raise AssertionError("a path has at least one name")


def drop(text: str, path: tuple[str, ...]) -> str:
    """Take the member at `path` out; nothing happens when it is not there. Raises: NotPlain."""
    _load(text)
    at = _object(text, _SPACE.match(text, 0).end())  # type: ignore[union-attr]  # this expression always matches
    for name in path[:-1]:
        found = at.find(name)
        if found is None or text[found.value_begin] != "{":
            return text
        at = _object(text, found.value_begin)
    found = at.find(path[-1])
    if found is None:
        return text
    place = at.members.index(found)
    if len(at.members) == 1:
        return text[: at.begin] + "{}" + text[at.end :]
    if place == 0:
        return text[: found.begin] + text[at.members[1].begin :]
    return text[: at.members[place - 1].end] + text[found.end :]


def _load(text: str) -> dict[str, object]:
    if not text.strip():
        return {}
    try:
        loaded = json.loads(text, object_pairs_hook=_once)
    except ValueError as exc:
        raise NotPlain(f"is not JSON ({exc})") from None
    except RecursionError:
        raise NotPlain("is nested too deeply") from None
    if not isinstance(loaded, dict):
        raise NotPlain("is JSON, but not an object")
    return loaded


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise NotPlain(f"names {double!r} twice in one object, so nobody can say which one counts")
    return dict(pairs)


def _object(text: str, begin: int) -> _Object:
    """Where the members of the object at `begin` stand. The text is known to be JSON."""
    members: list[_Member] = []
    at = _skip(text, begin + 1)
    while text[at] != "}":
        name, behind = _DECODER.raw_decode(text, at)
        value_begin = _skip(text, _skip(text, behind) + 1)
        _, end = _DECODER.raw_decode(text, value_begin)
        members.append(_Member(name, at, value_begin, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return _Object(begin, at + 1, tuple(members))


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _insert(text: str, at: _Object, depth: int, member: str) -> str:
    """Behind the last member, spaced as that one is; in an empty object, as the file is."""
    if at.members:
        last = at.members[-1]
        gap = text[_gap_begin(text, last.begin) : last.begin]
        return f"{text[: last.end]},{gap}{member}{text[last.end :]}"
    ending, indent = _style(text)
    if not ending:
        return f"{text[: at.begin]}{{{member}}}{text[at.end :]}"
    inner, outer = ending + indent * (depth + 1), ending + indent * depth
    return f"{text[: at.begin]}{{{inner}{member}{outer}}}{text[at.end :]}"


def _gap_begin(text: str, at: int) -> int:
    while at and text[at - 1] in " \t\r\n":
        at -= 1
    return at


def _nested(path: tuple[str, ...], value: str, depth: int, text: str) -> str:
    """A member whose value is the rest of the path."""
    ending, indent = _style(text)
    colon = ": " if ending or '": ' in text else ":"
    written = json.dumps(value)
    for level in range(len(path) - 1, 0, -1):
        inner, outer = ending + indent * (depth + level + 1), ending + indent * (depth + level)
        gap = (inner, outer) if ending else ("", "")
        written = f"{{{gap[0]}{json.dumps(path[level])}{colon}{written}{gap[1]}}}"
    return f"{json.dumps(path[0])}{colon}{written}"


def _style(text: str) -> tuple[str, str]:
    """Line end and indent of this file; both empty when all of it stands on one line."""
    body = text.strip()
    if "\n" not in body and body != "{}":
        return "", ""
    found = re.search(r"\{\r?\n([ \t]+)\"", text)
    return "\r\n" if "\r\n" in text else "\n", found[1] if found else DEFAULT_INDENT

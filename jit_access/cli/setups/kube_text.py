"""Entries in the lists of a kubeconfig, put in or taken out. Every other line stays as it is.

The standard library reads no YAML, and we do not pretend to. What `kubectl` itself writes, and what people write after
its example, is block style: a list below `clusters:`, `contexts:` and `users:`. That is understood, and all else is
refused with the reason. `kubectl` sorts such lists and drops comments, so an entry is found by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jit_access.cli.setups.file_edits import line_ending

LISTS = ("clusters", "contexts", "users")
_KEY = re.compile(r"^([A-Za-z][\w-]*):(?:[ \t]+(.*))?$")
_EMPTY = {"[]", "null", "~", ""}
_START = "apiVersion: v1\nkind: Config\n"


class NotPlain(Exception):
    """Not a kubeconfig that we can change. The text ends a sentence that begins with the file's name."""


@dataclass(frozen=True, slots=True)
class _List:
    """The lines of one list: its key, and each item as a range of lines."""

    key: int
    end: int
    is_empty_word: bool
    items: tuple[tuple[int, int], ...]
    indent: str


def names(text: str, of: str) -> tuple[str, ...]:
    """The names in a list. Raises: NotPlain."""
    lines = _lines(text)
    held = _lists(lines).get(of)
    return () if held is None else tuple(_name(lines[begin:end], held.indent) for begin, end in held.items)


def put(text: str, of: str, name: str, item: tuple[str, ...]) -> str:
    """Add an item, or write it anew. `item` is its lines below the dash, at no indent. Raises: NotPlain."""
    if of in _lists(_lines(text)) and name in names(text, of):
        text = drop(text, of, name)
    ending = line_ending(text)
    lines = _lines(text) if text.strip() else _START.splitlines()
    held = _lists(lines).get(of)
    indent = held.indent if held is not None else ""
    new = [f"{indent}{'- ' if number == 0 else '  '}{line}" for number, line in enumerate(item)]
    if held is None:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += [f"{of}:", *new]
    elif held.is_empty_word:
        lines[held.key : held.key + 1] = [f"{of}:", *new]
    else:
        at = held.items[-1][1] if held.items else held.key + 1
        lines[at:at] = new
    return ending.join(lines) + ending


def drop(text: str, of: str, name: str) -> str:
    """Take an item out; a list without items is written as kubectl writes it. Raises: NotPlain."""
    lines = _lines(text)
    held = _lists(lines).get(of)
    if held is None:
        return text
    for begin, end in held.items:
        if _name(lines[begin:end], held.indent) == name:
            del lines[begin:end]
            if len(held.items) == 1:
                lines[held.key] = f"{of}: []"
            ending = line_ending(text)
            return ending.join(lines) + (ending if text.endswith("\n") else "")
    return text


def _lines(text: str) -> list[str]:
    """Not `splitlines`, which also splits at characters that YAML keeps inside of a text."""
    if "\r\n" in text and re.search(r"(?<!\r)\n", text):
        raise NotPlain("mixes two kinds of line ends")
    lines = re.split(r"\r?\n", text)
    return lines if lines[-1] else lines[:-1]


def _lists(lines: list[str]) -> dict[str, _List]:
    """Where each list stands. Refuses what reads differently than it looks."""
    if any(line.lstrip(" ").startswith("\t") for line in lines):
        raise NotPlain("has tabs where YAML wants spaces")
    if sum(line.rstrip() == "---" for line in lines) > 1 or any(line.rstrip() == "..." for line in lines):
        raise NotPlain("holds several documents")
    keys = _keys(lines)
    found: dict[str, _List] = {}
    for place, (number, key, value) in enumerate(keys):
        if key in found or (key in LISTS and key in {other for _, other, _ in keys[place + 1 :]}):
            raise NotPlain(f"has {key}: twice")
        if key in LISTS:
            end = keys[place + 1][0] if place + 1 < len(keys) else len(lines)
            found[key] = _list(lines, key, number, end, value)
    return found


def _keys(lines: list[str]) -> list[tuple[int, str, str]]:
    keys = []
    for number, line in enumerate(lines):
        if not line.strip() or line.startswith((" ", "#", "-")):
            continue
        matched = _KEY.match(line.rstrip())
        if matched is None:
            raise NotPlain(f"is not in the form that kubectl writes (line {number + 1})")
        keys.append((number, matched[1], _without_comment(matched[2] or "")))
    return keys


def _list(lines: list[str], key: str, begin: int, end: int, value: str) -> _List:
    if value not in _EMPTY:
        raise NotPlain(f"has {key}: on one line, in a form that only YAML knows")
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1  # blank lines and comments before the next key are about that key
    body = range(begin + 1, end)
    first = next((n for n in body if lines[n].lstrip(" ").startswith("-")), None)
    if first is None:
        if any(lines[n].strip() and not lines[n].lstrip().startswith("#") for n in body):
            raise NotPlain(f"has something else than a list below {key}:")
        return _List(begin, end, bool(value), (), "")
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip(" "))]
    starts = [n for n in body if lines[n].startswith(f"{indent}- ")]
    if any(_is_foreign(lines[n], indent) for n in body) or starts[:1] != [first]:
        raise NotPlain(f"has a list below {key}: that is not in the form that kubectl writes")
    items = tuple(zip(starts, [*starts[1:], end], strict=True))
    return _List(begin, end, is_empty_word=False, items=items, indent=indent)


def _is_foreign(line: str, indent: str) -> bool:
    """Neither an item, nor below one, nor blank or a comment."""
    bare = line.strip()
    return bool(bare) and not bare.startswith("#") and not line.startswith((f"{indent}- ", f"{indent}  "))


def _name(item: list[str], indent: str) -> str:
    """What an item calls itself. Raises: NotPlain when it does not say, or in a form that we do not read."""
    inner = f"{indent}  "
    for number, line in enumerate(item):
        bare = line[len(inner) :] if line.startswith(inner) else line[len(indent) + 2 :] if number == 0 else ""
        if bare.startswith("name:"):
            value = _without_comment(bare.removeprefix("name:"))
            if value[:1] in {"&", "*", "!", "|", ">", "{", "["}:
                break
            return value.strip("\"'")
    raise NotPlain("has an entry whose name cannot be read")


def _without_comment(value: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", value).strip()

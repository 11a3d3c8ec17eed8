"""One section of a configuration of AWS, put in or taken out. Every other line stays as it is."""

from __future__ import annotations

import configparser
import re

from jit_access.cli.setups.file_edits import line_ending

_HEADER = re.compile(r"^\[(?P<name>[^\]\n]*)\][ \t]*(?:[#;].*)?\r?$", re.MULTILINE)


class NotPlain(Exception):
    """Not a configuration that we can change. The text ends a sentence that begins with the file's name."""


def get(text: str, section: str) -> str | None:
    """The section's lines below its header, or None. Raises: NotPlain."""
    span = _span(text, section)
    return None if span is None else text[text.index("\n", span[0]) + 1 : span[1]] if "\n" in text[span[0] :] else ""


def put(text: str, section: str, lines: tuple[str, ...]) -> str:
    """Add the section at the end, or write it anew where it stands. Raises: NotPlain."""
    ending = line_ending(text)
    block = "".join(f"{line}{ending}" for line in (f"[{section}]", *lines))
    span = _span(text, section)
    if span is not None:
        return text[: span[0]] + block + text[span[1] :]
    if not text:
        return block
    return text + ("" if text.endswith("\n") else ending) + ending + block


def drop(text: str, section: str) -> str:
    """Take the section out, with the blank line that stood in front of it. Raises: NotPlain."""
    span = _span(text, section)
    if span is None:
        return text
    before, rest = text[: span[0]], text[span[1] :]
    ending = line_ending(text)
    if before.endswith(ending * 2):
        before = before[: -len(ending)]
    return before + rest


def _span(text: str, section: str) -> tuple[int, int] | None:
    """From its header to the next one. Comments and blank lines right before the next header belong to that one."""
    _read(text)
    headers = list(_HEADER.finditer(text))
    found = [number for number, header in enumerate(headers) if _name(header) == _name_of(section)]
    if len(found) > 1:
        raise NotPlain(f"has the section [{section}] twice")
    if not found:
        return None
    begin = headers[found[0]].start()
    after = headers[found[0] + 1].start() if found[0] + 1 < len(headers) else len(text)
    lines = text[begin:after].splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith(("#", ";"))):
        lines.pop()
    end = begin + len("".join(lines))
    return begin, end if text[end:after].strip() else after


def _name(header: re.Match[str]) -> str:
    return _name_of(header["name"])


def _name_of(section: str) -> str:
    """`[profile  "a"]` and `[profile a]` are one to the tools of AWS."""
    return " ".join(section.replace('"', " ").replace("'", " ").split())


def _read(text: str) -> None:
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as exc:
        raise NotPlain(f"is not a configuration of AWS ({str(exc).splitlines()[0]})") from None

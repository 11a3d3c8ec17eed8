"""Cedar text as tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      | (?P<string>"(?:\\.|[^"\\])*")
      | (?P<long>[0-9]+)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>::|==|!=|<=|>=|&&|\|\||[<>+\-*!(){}\[\],;.:@])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "0": "\0", '"': '"', "'": "'"}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|x([0-7][0-9A-Fa-f])|(.))", re.DOTALL)


class OutsideSubset(Exception):
    """Text that this evaluator does not speak."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word, sign, number or string; `kind` is one of these names, or `end`."""

    kind: str
    text: str
    at: int


def tokens_of(text: str) -> list[Token]:
    """Raises: OutsideSubset at what is no token."""
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise OutsideSubset(f"at {at}: {text[at : at + 20]!r}")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, Token("end", "", at)]


def string_of(quoted: str) -> str:
    """What a literal in quotes says."""
    return _ESCAPE.sub(_escaped, quoted[1:-1])


def pattern_of(quoted: str) -> tuple[str, ...]:
    """What stands between the wildcards of a pattern; `\\*` is a star and no wildcard."""
    parts = [""]
    for match in re.finditer(r"\\(?:u\{[0-9A-Fa-f]{1,6}\}|x[0-7][0-9A-Fa-f]|.)|[^\\]", quoted[1:-1], re.DOTALL):
        piece = match[0]
        if piece == "*":
            parts.append("")
        else:
            parts[-1] += "*" if piece == r"\*" else _ESCAPE.sub(_escaped, piece)
    return tuple(parts)


def _escaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    if match[3] not in _ESCAPES:
        raise OutsideSubset(f"escape {match[0]}")
    return _ESCAPES[match[3]]

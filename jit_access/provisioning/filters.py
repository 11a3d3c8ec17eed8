"""SCIM filters (RFC 7644 3.4.2.2), as much of them as directories send: `eq`, `co`, `sw`, `pr`, and, or, not, brackets.

The text becomes a condition over fields that are listed; nothing in it names a column. Its length, number of terms and
depth are bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from django.db.models import Q

from jit_access.provisioning.errors import ScimError

MAX_CHARS: Final = 1000
MAX_TERMS: Final = 20
MAX_DEPTH: Final = 5
Term = Callable[[str, object], Q]  # operator and value -> condition

_TOKEN = re.compile(r'\s*(?:(\()|(\))|("(?:[^"\\]|\\.)*")|([A-Za-z][A-Za-z0-9$:._-]*)|(-?\d+(?:\.\d+)?))')
_OPERATORS = frozenset({"eq", "co", "sw", "pr"})


def text_term(field: str, *, is_exact: bool = False, fold: Callable[[str], str] = str) -> Term:
    """A term over a text column; `eq` ignores case unless the attribute is case-exact (RFC 7643 2.2)."""

    def make(operator: str, value: object) -> Q:
        if operator == "pr":
            return ~Q(**{field: ""})
        if not isinstance(value, str):
            raise _bad("a text is compared with a text")
        lookup = {"eq": "exact" if is_exact else "iexact", "co": "icontains", "sw": "istartswith"}[operator]
        return Q(**{f"{field}__{lookup}": fold(value)})

    return make


def flag_term(field: str) -> Term:
    """A term over a yes or no."""

    def make(operator: str, value: object) -> Q:
        if operator != "eq" or not isinstance(value, bool):
            raise _bad("a yes or no is compared by eq with true or false")
        return Q(**{field: value})

    return make


def parse_filter(text: str, terms: Mapping[str, Term]) -> Q:
    """The condition that a filter means. `terms` by attribute in small letters. Raises: ScimError (invalidFilter)."""
    if len(text) > MAX_CHARS:
        raise _bad("it is too long")
    parser = _Parser(_tokens(text), terms)
    found = parser.either(0)
    if parser.left():
        raise _bad("something follows its end")
    return found


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _bad("it cannot be read")
        found.append(match.group().strip())
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], terms: Mapping[str, Term]) -> None:
        self._tokens, self._terms, self._at, self._count = tokens, terms, 0, 0

    def left(self) -> bool:
        return self._at < len(self._tokens)

    def either(self, depth: int) -> Q:
        found = self._both(depth)
        while self._takes("or"):
            found |= self._both(depth)
        return found

    def _both(self, depth: int) -> Q:
        found = self._one(depth)
        while self._takes("and"):
            found &= self._one(depth)
        return found

    def _one(self, depth: int) -> Q:
        if depth > MAX_DEPTH:
            raise _bad("it is nested too deeply")
        if self._takes("not"):
            return ~self._one(depth + 1)
        if self._takes("("):
            inner = self.either(depth + 1)
            if not self._takes(")"):
                raise _bad("a bracket is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> Q:
        self._count += 1
        if self._count > MAX_TERMS:
            raise _bad("it has too many terms")
        name, operator = self._next(), self._next().lower()
        term = self._terms.get(name.lower().rpartition(":")[2])
        if term is None:
            raise _bad("it asks for an attribute that cannot be filtered by")
        if operator not in _OPERATORS:
            raise _bad("eq, co, sw and pr are understood")
        if operator == "pr":
            return term("pr", None)
        try:
            value: object = json.loads(self._next())
        except ValueError as exc:
            raise _bad("a value is not JSON") from exc
        return term(operator, value)

    def _next(self) -> str:
        if not self.left():
            raise _bad("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, word: str) -> bool:
        if self.left() and self._tokens[self._at].lower() == word:
            self._at += 1
            return True
        return False


def _bad(why: str) -> ScimError:
    return ScimError(400, f"This filter cannot be used: {why}.", "invalidFilter")

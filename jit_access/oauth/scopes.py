"""What a client may do with a token: read, or act as well. Both only as far as the account itself may."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CHARS_MAX: Final = 200


class Scope(StrEnum):
    READ = "read"
    ACT = "act"  # reading included


WORDS: Final = {
    Scope.READ: "See what you may see: requests, access, approvals, activity",
    Scope.ACT: "Act for you: ask for access, start it, end it, get its tokens, answer requests",
}
ALL: Final = frozenset(Scope)


def parse_scope(text: str) -> frozenset[Scope]:
    """The scopes of a space-separated list. Raises: CallerError for a word that is none of ours."""
    words = text.split() if len(text) <= _CHARS_MAX else [""]
    if any(word not in ALL for word in words):
        raise CallerError(Reason.INVALID_INPUT, f"A scope is made of: {format_scope(ALL)}.", field="scope")
    return frozenset(Scope(word) for word in words)


def format_scope(scopes: Iterable[Scope]) -> str:
    """The one spelling of a set of scopes."""
    held = frozenset(scopes)
    return " ".join(scope for scope in Scope if scope in held)


def covers_method(scope: str, method: str) -> bool:
    """May a token of this scope be used for a request of this method?"""
    held = frozenset(scope.split())
    return Scope.ACT in held or (Scope.READ in held and method in SAFE_METHODS)

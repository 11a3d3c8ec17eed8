"""Tags and digests as people type them into one field, read into the two lists of a scope."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import DIGEST, MAX_REFERENCES, TAG_PATTERN, ResourceScope

MAX_CHARS = 6000  # as many whole digests as a scope may hold
_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class References:
    """What a scope is narrowed to. Both empty: nothing narrows it."""

    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


def parse_references(text: str) -> References:
    """Words apart by spaces, commas or lines; what has a colon is a digest.

    Raises: CallerError (digest-invalid, invalid-input) with a sentence that names the word and how to write it.
    """
    words = list(dict.fromkeys(text.replace(",", " ").split()))
    if len(text) > MAX_CHARS or len(words) > MAX_REFERENCES:
        raise CallerError(Reason.INVALID_INPUT, f"Name at most {MAX_REFERENCES} tags and digests.")
    digests = tuple(sorted(word for word in words if ":" in word))
    tags = tuple(sorted(word for word in words if ":" not in word))
    for word in digests:
        if not DIGEST.fullmatch(word):
            raise CallerError(
                Reason.DIGEST_INVALID, f"“{_shown(word)}” is not a whole digest: sha256: and 64 digits of 0-9 a-f."
            )
    for word in tags:
        if not TAG_PATTERN.fullmatch(word):
            raise CallerError(
                Reason.INVALID_INPUT,
                f"“{_shown(word)}” cannot be a tag. Tags have letters, digits, . _ - and, as wildcards, * and ?.",
            )
    return References(tags, digests)


def references_text(part: ResourceScope) -> str:
    """The same as somebody would type it, one per line."""
    return "\n".join((*part.tags, *part.digests))


def _shown(word: str) -> str:
    return word if len(word) <= _SHOWN_CHARS else f"{word[:_SHOWN_CHARS]} …"

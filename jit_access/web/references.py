"""What people type to narrow a scope: tags and digests of a registry, or revisions and files of a hub."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import (
    DIGEST,
    FILE_PATTERN,
    MAX_REFERENCES,
    MAX_REVISION_CHARS,
    REVISION_PATTERN,
    TAG_PATTERN,
    ResourceScope,
)

MAX_CHARS = 6000  # as many whole digests as a scope may hold
_SHOWN_CHARS = 80
FILE = "file:"


@dataclass(frozen=True, slots=True)
class References:
    """What a scope is narrowed to. All empty: nothing narrows it."""

    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


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


def parse_hub_references(text: str) -> References:
    """Revisions, and files behind `file:`. Raises: CallerError (invalid-input) that names the word."""
    words = list(dict.fromkeys(text.replace(",", " ").split()))
    if len(text) > MAX_CHARS or len(words) > MAX_REFERENCES:
        raise CallerError(Reason.INVALID_INPUT, f"Name at most {MAX_REFERENCES} revisions and files.")
    files = [word.removeprefix(FILE) for word in words if word.startswith(FILE)]
    revisions = [word for word in words if not word.startswith(FILE)]
    for word in revisions:
        if len(word) > MAX_REVISION_CHARS or not REVISION_PATTERN.fullmatch(word):
            raise CallerError(
                Reason.INVALID_INPUT, f"“{_shown(word)}” cannot be a branch, tag or commit, nor file:PATTERN."
            )
    for word in files:
        if not FILE_PATTERN.fullmatch(word):
            raise CallerError(Reason.INVALID_INPUT, f"“{_shown(word)}” cannot be a file. Write file:*.safetensors.")
    return References(tuple(sorted(revisions)), files=tuple(sorted(files)))


def references_text(part: ResourceScope) -> str:
    """The same as somebody would type it, one per line."""
    return "\n".join((*part.tags, *part.digests, *(f"{FILE}{file}" for file in part.files)))


def _shown(word: str) -> str:
    return word if len(word) <= _SHOWN_CHARS else f"{word[:_SHOWN_CHARS]} …"

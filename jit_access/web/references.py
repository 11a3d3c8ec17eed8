"""What people type to narrow a scope, in the words of each kind of target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jit_access.domain.errors import CallerError
from jit_access.domain.narrowing import narrowing_of
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


def read_references(text: str, kind: str, repository: str) -> References:
    """In the words of that kind of target. Raises: CallerError."""
    if not narrowing_of(kind, repository):
        if text.strip():
            raise CallerError(Reason.INVALID_INPUT, f"{repository} is asked for as a whole. Leave this empty.")
        return References()
    return _READERS.get(kind, parse_references)(text)


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
    revisions, files = _with_files(text, "revisions")
    for word in revisions:
        if len(word) > MAX_REVISION_CHARS or not REVISION_PATTERN.fullmatch(word):
            raise CallerError(
                Reason.INVALID_INPUT, f"“{_shown(word)}” cannot be a branch, tag or commit, nor file:PATTERN."
            )
    return References(revisions, files=files)


def parse_model_references(text: str) -> References:
    """Versions, aliases and stages, and files behind `file:`. Raises: CallerError that names the word."""
    names, files = _with_files(text, "versions, aliases")
    for word in names:
        if not TAG_PATTERN.fullmatch(word):
            raise CallerError(Reason.INVALID_INPUT, f"“{_shown(word)}” cannot be a version or alias, nor file:PATTERN.")
    return References(names, files=files)


_READERS: dict[str, Callable[[str], References]] = {"hf": parse_hub_references, "mlflow": parse_model_references}


def _with_files(text: str, names: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of something, and files. Raises: CallerError."""
    words = list(dict.fromkeys(text.replace(",", " ").split()))
    if len(text) > MAX_CHARS or len(words) > MAX_REFERENCES:
        raise CallerError(Reason.INVALID_INPUT, f"Name at most {MAX_REFERENCES} {names} and files.")
    files = tuple(sorted(word.removeprefix(FILE) for word in words if word.startswith(FILE)))
    for word in files:
        if not FILE_PATTERN.fullmatch(word):
            raise CallerError(Reason.INVALID_INPUT, f"“{_shown(word)}” cannot be a file. Write file:*.safetensors.")
    return tuple(sorted(word for word in words if not word.startswith(FILE))), files


def references_text(part: ResourceScope) -> str:
    """The same as somebody would type it, one per line."""
    return "\n".join((*part.tags, *part.digests, *(f"{FILE}{file}" for file in part.files)))


def _shown(word: str) -> str:
    return word if len(word) <= _SHOWN_CHARS else f"{word[:_SHOWN_CHARS]} …"

"""Who an approval asks: the word of a rule. A group by its name, or people by what they are to this one request.

`manager` is the requester's own (of the owner, where a service account asks), `target-owner` whoever a target was given
to. A group that happens to have one of these names is written `group:manager`.
"""

from __future__ import annotations

from typing import Final

MANAGER: Final = "manager"
TARGET_OWNER: Final = "target-owner"
RELATIONS: Final = frozenset({MANAGER, TARGET_OWNER})
_PREFIX: Final = "group:"


def canonical(word: str) -> str:
    """One spelling for each: `group:security` is `security`, and only a clash keeps the prefix."""
    bare = word.removeprefix(_PREFIX)
    return word if bare in RELATIONS else bare


def group_of(word: str) -> str | None:
    """The group that a word means, or None where it means a relation."""
    return None if word in RELATIONS else word.removeprefix(_PREFIX)


def word_of_group(name: str) -> str:
    """How rules write this group."""
    return f"{_PREFIX}{name}" if name in RELATIONS else name

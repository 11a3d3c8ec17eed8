"""Names that tell patterns apart: one for each way in which a name can fit some of them and not the others.

A name is walked through all patterns at once, letter by letter, and every state that can be reached is looked at. So
what no witness shows cannot happen. A letter that no pattern holds stands for all such letters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

Pattern = tuple[str | None, ...]  # a letter, or None for any run of letters
_MOST_STATES = 5_000
_OTHER = "\u00a4"  # no name of a repository holds a currency sign; any letter that no pattern has would do


class TooMany(Exception):
    """More states than are worth walking through."""


def pattern_from(text: str) -> Pattern:
    """A pattern that only this one name fits."""
    return tuple(text)


def witnesses(patterns: Sequence[Pattern]) -> tuple[str, ...]:
    """The shortest name for each combination of fits. Without patterns, one name. Raises: TooMany."""
    letters = sorted({letter for pattern in patterns for letter in pattern if letter is not None} | {_OTHER})
    start = tuple(_closure(pattern, {0}) for pattern in patterns)
    names: dict[tuple[bool, ...], str] = {}
    seen, waiting = {start}, deque([(start, "")])
    while waiting:
        states, name = waiting.popleft()
        fits = tuple(len(pattern) in state for pattern, state in zip(patterns, states, strict=True))
        if name:  # nothing has an empty name
            names.setdefault(fits, name)
        for letter in letters:
            reached = tuple(_step(pattern, state, letter) for pattern, state in zip(patterns, states, strict=True))
            if reached not in seen or not name:
                if len(seen) >= _MOST_STATES:
                    raise TooMany
                seen.add(reached)
                waiting.append((reached, name + letter))
    return tuple(names.values())


def _step(pattern: Pattern, state: frozenset[int], letter: str) -> frozenset[int]:
    reached = set()
    for at in state:
        if at < len(pattern) and pattern[at] is None:
            reached.add(at)
        elif at < len(pattern) and pattern[at] == letter:
            reached.add(at + 1)
    return _closure(pattern, reached)


def _closure(pattern: Pattern, state: set[int]) -> frozenset[int]:
    """A run of letters may be empty, so what stands behind it is reached with it."""
    reached = set(state)
    for at, letter in enumerate(pattern):
        if at in reached and letter is None:
            reached.add(at + 1)
    return frozenset(reached)

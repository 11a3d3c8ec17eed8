"""What was asked and what is open, for comparing policies. The floors above hand it down, without being known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jit_access.policies.questions import Question


@dataclass(frozen=True, slots=True)
class Recorded:
    """One thing that policy was asked about, with the facts as they were (a request) or are (an open grant)."""

    id: str
    person: str
    text: str  # "pull demo-registry/llm/tiny-llama"
    at: datetime
    is_open: bool  # an open grant: what would be refused ends
    questions: tuple[Question, ...]
    lasts_s: int
    given: Mapping[str, int] = field(default_factory=dict)  # group: how many agreed, to an open grant
    waived: frozenset[str] = frozenset()  # the ways by which rules approved it by themselves


Source = Callable[[datetime], Iterable[Recorded]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Have `source(since)` asked by every comparison. A second registration changes nothing."""
    if source not in _sources:
        _sources.append(source)


def recorded_since(since: datetime) -> Iterator[Recorded]:
    """Everything that the sources remember, source by source."""
    for source in _sources:
        yield from source(since)

"""Activity: what happened, in which order, can I prove it?"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Fact, Notice, Option, Rail, Resource


@dataclass(frozen=True, slots=True)
class LogProof:
    """What the head of the log says about itself."""

    badge: Badge
    text: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, with the address that removes it."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record as a row."""

    href: str
    at: str
    at_iso: str
    badge: Badge
    who: str
    resource: Resource | None
    what: str
    code: str
    moved: str
    is_stop: bool


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One moment of a story."""

    at_iso: str
    at_text: str
    what: str
    more: str
    tone: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """All records of one grant, told in order."""

    title: str
    badge: Badge
    rail: Rail | None
    rail_used: str
    rail_left: str
    facts: tuple[Fact, ...]
    steps: tuple[TimelineStep, ...]
    revoke: Action | None = None
    lock: Action | None = None


@dataclass(frozen=True, slots=True)
class FilterSelect:
    """One select of the filter bar."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """The whole page."""

    lead: str
    proof: LogProof
    query: str
    selects: tuple[FilterSelect, ...]
    chips: tuple[Chip, ...]
    kept: tuple[tuple[str, str], ...]
    clear_href: str
    story: Story | None
    rows: tuple[RecordRow, ...]
    range_text: str
    older_href: str
    newest_href: str
    folded_href: str
    export: Action | None
    empty_title: str
    empty_text: str
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One record: its facts, its canonical text, and its place in the log."""

    title: str
    badge: Badge
    sentence: str
    code: str
    resource: Resource | None
    facts: tuple[Fact, ...]
    proof: tuple[Fact, ...]
    canonical: str
    exchange: tuple[RecordRow, ...]
    story_href: str
    back: Action

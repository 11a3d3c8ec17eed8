"""Envelopes: which ones there are, what one holds and what of it is used, and what somebody signs."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import (
    Action,
    Badge,
    Fact,
    Field,
    Hidden,
    Notice,
    Option,
    Person,
    Rail,
    ReasonItem,
    ScopePart,
)


@dataclass(frozen=True, slots=True)
class EnvelopeRow:
    """One in a list."""

    href: str
    title: str
    badge: Badge
    note: str
    used: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopesPage:
    """Those that wait for the reader first."""

    waiting: tuple[EnvelopeRow, ...]
    rows: tuple[EnvelopeRow, ...]
    propose: Action | None
    empty_text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of a day's limit is taken: in words, and as a rail."""

    term: str
    value: str
    note: str
    rail: Rail


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said, when, to which question."""

    person: Person
    badge: Badge
    note: str


@dataclass(frozen=True, slots=True)
class OpenGrant:
    """A grant that lives under it."""

    href: str
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader may sign now."""

    title: str
    lead: str
    post_href: str
    hidden: tuple[Hidden, ...]
    note: Field
    yes: str
    no: str
    code: Field | None = None
    proof_note: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopePage:
    """One envelope, with everything that is signed."""

    title: str
    name: str
    badge: Badge
    lead: str
    quote: str
    owner: Person
    parts: tuple[ScopePart, ...]
    bounds: tuple[Fact, ...]
    limits: tuple[Fact, ...]
    bars: tuple[Bar, ...]
    steps: tuple[ReasonItem, ...]
    steps_title: str
    said: tuple[Said, ...]
    grants: tuple[OpenGrant, ...]
    signed: tuple[Fact, ...]
    activity_href: str
    answer: Answer | None = None
    notice: Notice | None = None
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvelopeForm:
    """What an owner proposes. Fields are grouped as they are asked."""

    what: tuple[Field, ...]
    operations: tuple[Option, ...]
    workloads: tuple[Option, ...]
    much: tuple[Field, ...]
    days: tuple[Option, ...]
    hours: tuple[Field, ...]
    ends: tuple[Field, ...]
    back_href: str
    code: Field | None = None
    notice: Notice | None = None
    days_error: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopesSection:
    """On an agent's page."""

    rows: tuple[EnvelopeRow, ...]
    propose_href: str = ""

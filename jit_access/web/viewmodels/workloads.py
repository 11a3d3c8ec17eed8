"""Workload identities: which jobs and pods stand for an agent, and whose word about them counts."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice


@dataclass(frozen=True, slots=True)
class IdentityCard:
    """One workload: what it must be in words, and until when it counts. `actions` are what may be done with it."""

    name: str
    badge: Badge
    words: tuple[str, ...]
    facts: tuple[Fact, ...]
    actions: tuple[Action, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class IdentitySection:
    """The part of an agent's page."""

    cards: tuple[IdentityCard, ...]
    all_href: str
    add_href: str
    empty_note: str


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One pinned claim beside what was pasted."""

    label: str
    name: str
    pinned: str
    found: str
    badge: Badge


@dataclass(frozen=True, slots=True)
class SampleCard:
    """One trust beside what was pasted."""

    name: str
    badge: Badge
    lines: tuple[SampleLine, ...]


@dataclass(frozen=True, slots=True)
class IdentitiesPage:
    """All workloads of one agent, and a place to try claims."""

    title: str
    lead: str
    back: Action
    issuers: Action
    add: Action | None
    cards: tuple[IdentityCard, ...]
    over: tuple[IdentityCard, ...]
    empty_note: str
    sample: Field
    sample_href: str
    notices: tuple[Notice, ...] = ()
    found: tuple[SampleCard, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose before a form is shown."""

    label: str
    note: str
    href: str


@dataclass(frozen=True, slots=True)
class ChoicePage:
    """Which of these? A link each."""

    title: str
    lead: str
    choices: tuple[Choice, ...]
    back: Action
    empty_title: str
    empty_text: str


@dataclass(frozen=True, slots=True)
class IssuerCard:
    """One issuer."""

    name: str
    badge: Badge
    facts: tuple[Fact, ...]
    retire: Action | None


@dataclass(frozen=True, slots=True)
class IssuersPage:
    """Whose tokens are looked at."""

    lead: str
    add: Action | None
    cards: tuple[IssuerCard, ...]
    retired: tuple[IssuerCard, ...]


@dataclass(frozen=True, slots=True)
class ConfirmTrustPage:
    """What a second person confirms: all of it, in words, and then the two answers."""

    title: str
    lead: str
    words: tuple[str, ...]
    facts: tuple[Fact, ...]
    confirm: Confirm
    warning: Notice | None

"""Reviews of who may do what."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Fact, Field, Notice, Option, Person


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review in the list."""

    href: str
    title: str
    badge: Badge
    note: str


@dataclass(frozen=True, slots=True)
class ReviewsPage:
    """All reviews that one may see."""

    rows: tuple[ReviewRow, ...]
    start: Action | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One membership."""

    person: Person
    group: str
    gives: str
    badge: Badge
    note: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One review with its memberships."""

    title: str
    badge: Badge
    lead: str
    facts: tuple[Fact, ...]
    rows: tuple[ItemRow, ...]
    exports: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One membership, and the two answers."""

    title: str
    person: Person
    lead: str
    facts: tuple[Fact, ...]
    back_href: str
    post_href: str
    note: Field | None = None
    code: Field | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class StartForm:
    """What security starts a review with."""

    fields: tuple[Field, ...]
    groups: tuple[Option, ...]
    notice: Notice | None = None

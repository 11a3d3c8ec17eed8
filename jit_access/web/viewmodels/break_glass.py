"""Break-glass: what it would open and whom it skips; the reviews that follow."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Notice


@dataclass(frozen=True, slots=True)
class GlassPage:
    """The page that asks, before anything is opened."""

    confirm: Confirm
    skipped_title: str
    skipped: tuple[str, ...]
    refusal: Notice | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review in the list."""

    href: str
    what: str
    who: str
    badge: Badge
    opened: str
    due: str


@dataclass(frozen=True, slots=True)
class ReviewsPage:
    """What waits for a review, soonest due first, and what was reviewed."""

    lead: str
    open: tuple[ReviewRow, ...]
    closed: tuple[ReviewRow, ...]


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One review: what was opened, why, what to look at, and the verdict."""

    title: str
    badge: Badge
    quote: str
    quote_label: str
    facts: tuple[Fact, ...]
    activity: Action
    revoke: Action | None
    verdict: Confirm | None
    note: str
    notice: Notice | None = None

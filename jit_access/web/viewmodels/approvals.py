"""Approvals: which answer is due first? And one approval: may this person do this now?"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import (
    Action,
    Badge,
    Confirm,
    Fact,
    Field,
    Hidden,
    Notice,
    Option,
    Person,
    ReasonItem,
    Resource,
    ScopePart,
)


@dataclass(frozen=True, slots=True)
class Risk:
    """Three bars, a word and the score; `level` is "low", "elevated" or "high"."""

    level: str
    word: str
    score_text: str
    is_filled: bool = True


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """One question that waits for an answer."""

    href: str
    sentence: str
    resource: Resource
    person: Person
    tier: Badge
    risk: Risk
    deadline: str
    deadline_iso: str
    is_due_soon: bool
    note: str
    parts: tuple[ScopePart, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnRow:
    """One's own request: shown, without buttons, with the reason."""

    href: str
    sentence: str
    resource: Resource
    badge: Badge
    note: str
    parts: tuple[ScopePart, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalsPage:
    """Soonest deadline first. No bulk approve."""

    lead: str
    rows: tuple[ApprovalRow, ...]
    own: tuple[OwnRow, ...]


@dataclass(frozen=True, slots=True)
class OfferedResource:
    """One repository that is asked for, and what of it would be given."""

    index: int
    name: str
    operations: tuple[Option, ...]
    references: Field | None


@dataclass(frozen=True, slots=True)
class OfferForm:
    """Less than was asked: shorter at one press, or chosen piece by piece. A GET: it shows what would be signed."""

    href: str
    quick: tuple[Action, ...]
    durations: tuple[Option, ...]
    resources: tuple[OfferedResource, ...]
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """What is signed is what is shown: `payload_hash` goes back with the answer."""

    id: str
    title: str
    badge: Badge
    tier: Badge
    risk: Risk
    risk_long: Risk
    deadline: str
    sentence: str
    resource: Resource
    person: Person
    reason_label: str
    quote: str
    ticket: str
    weigh: tuple[ReasonItem, ...]
    bounds: tuple[Fact, ...]
    limits: str
    references: tuple[Fact, ...]
    signed: tuple[Fact, ...]
    hidden: tuple[Hidden, ...]
    approve_href: str
    deny: Confirm | None
    deny_href: str
    verb: str
    code: Field | None
    proof_note: str
    notice: Notice | None = None
    back: Action | None = None
    revoke: Action | None = None
    parts: tuple[ScopePart, ...] = ()
    offer: OfferForm | None = None

    @property
    def is_open(self) -> bool:
        """True while an answer is still asked for."""
        return self.deny is not None

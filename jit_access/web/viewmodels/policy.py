"""The policy page and the page that says why or why not."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Fact, Field, Notice, ReasonItem


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, or of a change. `tone` is "", "added", "removed" or "place"."""

    number: str
    text: str
    tone: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class RulesFile:
    """A file of rules."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class NearRulePart:
    """One rule before one question."""

    rule: str
    badge: Badge
    because: str
    conditions: tuple[ReasonItem, ...]


@dataclass(frozen=True, slots=True)
class WhyPage:
    """The question as a form; the answer when something was asked."""

    fields: tuple[Field, ...]
    notice: Notice | None = None
    sentence: str = ""
    badge: Badge | None = None
    code: str = ""
    ways: tuple[str, ...] = ()
    rules: tuple[NearRulePart, ...] = ()
    approvals: tuple[Fact, ...] = ()
    status: int = 200


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One change of policy, in the list of them."""

    href: str
    title: str
    badge: Badge
    note: str


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """The rules that count."""

    lead: str
    facts: tuple[Fact, ...] = ()
    files: tuple[RulesFile, ...] = ()
    hidden_note: str = ""
    notice: Notice | None = None
    actions: tuple[Action, ...] = ()
    proposals: tuple[ProposalRow, ...] = ()

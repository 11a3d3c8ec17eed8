"""A change of policy that waits for a second person."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Fact, Field, Hidden, Notice, ReasonItem
from jit_access.web.viewmodels.policy import RulesFile


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One request or open grant that would be decided otherwise."""

    person: str
    text: str
    badge: Badge
    now: str
    then: str
    href: str


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """What is proposed, what it would change, and the signature."""

    title: str
    badge: Badge
    lead: str
    facts: tuple[Fact, ...]
    effect_summary: str
    effects: tuple[EffectRow, ...]
    tests_summary: str
    tests: tuple[ReasonItem, ...]
    findings_summary: str
    findings: tuple[ReasonItem, ...]
    diff: tuple[RulesFile, ...]
    notice: Notice | None = None
    may_sign: bool = False
    sign_href: str = ""
    hidden: tuple[Hidden, ...] = ()
    code: Field | None = None
    proof_note: str = ""
    withdraw: Action | None = None


@dataclass(frozen=True, slots=True)
class ProposeForm:
    """All files as text, ready to be changed."""

    because: Field
    files: tuple[Field, ...]
    notice: Notice | None = None
    problems: tuple[str, ...] = ()

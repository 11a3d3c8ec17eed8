"""Service accounts: which ones there are, how one is, what it holds, and what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.activity import RecordRow
from jit_access.web.viewmodels.locks import HitRow
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice, Option, Person
from jit_access.web.viewmodels.request_form import FormErrors


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One service account in a list."""

    href: str
    name: str
    purpose: str
    owner: str
    badge: Badge
    tokens: str
    grants: str


@dataclass(frozen=True, slots=True)
class AgentsPage:
    """Those one answers for, those one is asked to answer for, and for security all others."""

    lead: str
    notices: tuple[Notice, ...]
    mine: tuple[AgentRow, ...]
    others: tuple[AgentRow, ...]
    sees_others: bool
    make_href: str
    empty_title: str
    empty_text: str


@dataclass(frozen=True, slots=True)
class TokenCard:
    """One API token, or a family of them: its limits in words, and when it was used."""

    name: str
    badge: Badge
    facts: tuple[Fact, ...]
    begins: str
    revoke: Confirm | None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an agent's page that another room fills: a template and what it shows."""

    template: str
    content: object


@dataclass(frozen=True, slots=True)
class AgentPage:
    """One service account."""

    id: str
    name: str
    person: Person
    badge: Badge
    lead: str
    notice: Notice | None
    offer: Confirm | None  # to whoever reads it
    decline_href: str
    facts: tuple[Fact, ...]
    actions: tuple[Action, ...]
    tokens: tuple[TokenCard, ...]
    token_form_href: str
    empty_note: str
    sections: tuple[Section, ...]
    grants: tuple[HitRow, ...]
    records: tuple[RecordRow, ...]
    activity_href: str


@dataclass(frozen=True, slots=True)
class AgentForm:
    """A new agent, or another description of one."""

    title: str
    lead: str
    fields: tuple[Field, ...]
    groups: tuple[Option, ...]
    groups_note: str
    errors: FormErrors | None
    post_href: str
    back_href: str
    verb: str

"""Targets: is it reachable, what stands in it, which tier, who has it open?"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Fact, Field, Notice, Option, Resource
from jit_access.web.viewmodels.request_form import FormErrors


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target in the list."""

    href: str
    name: str
    slug: str
    badge: Badge
    checked: str
    repositories: str
    grants: str


@dataclass(frozen=True, slots=True)
class TargetsPage:
    """The list."""

    lead: str
    rows: tuple[TargetRow, ...]


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """One repository with its tier as a small form."""

    resource: Resource
    note: str
    tiers: tuple[Option, ...]
    post_href: str
    size: str
    grants: str
    is_gone: bool
    tier: Badge


@dataclass(frozen=True, slots=True)
class TargetPage:
    """One target."""

    name: str
    slug: str
    badge: Badge
    lead: str
    notice: Notice | None
    facts: tuple[Fact, ...]
    repositories: tuple[RepositoryRow, ...]
    can_manage: bool
    check_href: str
    discover_href: str
    changes: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetForm:
    """Add a target: it is checked before it is kept."""

    fields: tuple[Field, ...]
    errors: FormErrors | None
    notice: Notice | None
    back: Action

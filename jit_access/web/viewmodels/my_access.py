"""My access: what is open, how long still, how do I use it?"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import (
    Action,
    Badge,
    Command,
    Confirm,
    Countdown,
    Fact,
    Notice,
    Rail,
    Resource,
    ScopePart,
)


@dataclass(frozen=True, slots=True)
class ClientTab:
    """One client whose commands can be shown. A link, so that it works without script."""

    label: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class UseStep:
    """A command and what it is for."""

    title: str
    command: Command


@dataclass(frozen=True, slots=True)
class GrantCard:
    """One open grant. `countdown` is None while it is not running (starting, ending, exposed)."""

    id: str
    resources: tuple[Resource, ...]
    badge: Badge
    operations: str
    note: str
    countdown: Countdown | None
    rail: Rail | None
    tabs: tuple[ClientTab, ...]
    steps: tuple[UseStep, ...]
    token_href: str
    tokens_href: str
    tokens_count: int
    foot: tuple[str, ...]
    rule: str
    extend: Action | None
    end: Confirm | None
    end_href: str = ""
    more: str = ""
    references: tuple[Fact, ...] = ()
    parts: tuple[ScopePart, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """A request that somebody has to answer, or an approved one that has not started."""

    resource: Resource
    href: str
    badge: Badge
    note: str
    sentence: str
    deadline: str
    action: Action | None = None
    parts: tuple[ScopePart, ...] = ()


@dataclass(frozen=True, slots=True)
class AgainItem:
    """Something that ended and can be asked for in one step."""

    resource: Resource
    note: str
    href: str
    parts: tuple[ScopePart, ...] = ()


@dataclass(frozen=True, slots=True)
class EndedRow:
    """How it ended and what to do about it."""

    resource: Resource
    badge: Badge
    note: str
    advice: str
    advice_href: str
    moved: str
    when: str
    when_iso: str
    parts: tuple[ScopePart, ...] = ()


@dataclass(frozen=True, slots=True)
class MyAccessPage:
    """The whole page."""

    lead: str
    notice: Notice | None
    grants: tuple[GrantCard, ...]
    waiting: tuple[WaitingItem, ...]
    again: tuple[AgainItem, ...]
    ended: tuple[EndedRow, ...]
    usual_wait: str


@dataclass(frozen=True, slots=True)
class TokenPage:
    """A token, shown once, and how to hand it to a client without it landing in a history."""

    resource: Resource
    token: str
    ends: str
    tabs: tuple[ClientTab, ...]
    steps: tuple[UseStep, ...]
    replaces: str = ""
    tokens_href: str = ""
    paste: str = ""

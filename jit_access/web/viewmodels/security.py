"""Security settings: my factors, recovery codes, tokens, sessions, theme."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Field, Notice, Option, Person


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One thing one has: what, since when, and what can be done with it."""

    title: str
    note: str
    badge: Badge | None = None
    confirm: Confirm | None = None
    confirm_href: str = ""
    confirm_label: str = ""
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class SecurityPage:
    """The whole page."""

    person: Person
    username: str
    roles: str
    notice: Notice | None
    factors: tuple[SettingRow, ...]
    tokens: tuple[SettingRow, ...]
    token_form_href: str
    sessions: tuple[SettingRow, ...]
    themes: tuple[Option, ...]
    has_shortcuts: bool


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A new API token: its name and how long it lasts."""

    name: Field
    days: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class ApiTokenPage:
    """An API token, shown once."""

    name: str
    token: str
    ends: str

"""Security settings: my factors, recovery codes, tokens, sessions, theme."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Notice, Option, Person


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

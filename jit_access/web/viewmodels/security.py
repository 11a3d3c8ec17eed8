"""Security settings: my factors, recovery codes, tokens, sessions, theme."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Field, Notice, Option, Person
from jit_access.web.viewmodels.request_form import FormErrors


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
    passkey_form_href: str
    password: SettingRow
    identities: tuple[SettingRow, ...]
    tokens: tuple[SettingRow, ...]
    token_form_href: str
    agents: tuple[SettingRow, ...]
    sessions: tuple[SettingRow, ...]
    devices: tuple[SettingRow, ...]
    themes: tuple[Option, ...]
    has_shortcuts: bool
    chat: tuple[SettingRow, ...] = ()
    command_lines: tuple[SettingRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PasskeyForm:
    """A passkey's name: of a new one, which the browser makes, or of one that is there (then it can be removed)."""

    title: str
    lead: str
    name: Field
    verb: str
    post_href: str
    options_href: str = ""
    remove: Confirm | None = None


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A new API token: its name, how long it lasts, and what narrows it."""

    name: Field
    days: tuple[Option, ...]
    title: str
    lead: str
    post_href: str
    back_href: str
    days_error: str = ""
    days_hint: str = ""
    limits: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiTokenPage:
    """An API token, shown once."""

    title: str
    token: str
    more: str
    back: Action


@dataclass(frozen=True, slots=True)
class PasswordForm:
    """A new password for oneself."""

    fields: tuple[Field, ...]
    errors: FormErrors | None

"""Resets of a second factor: the list with the form, and one of them."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice
from jit_access.web.viewmodels.security import SettingRow


@dataclass(frozen=True, slots=True)
class ResetsPage:
    """What was asked, and the form to ask."""

    fields: tuple[Field, ...]
    post_href: str
    rows: tuple[SettingRow, ...]


@dataclass(frozen=True, slots=True)
class ResetPage:
    """One reset: who, why, since when, and what can be done about it. `code` is there once."""

    title: str
    badge: Badge
    facts: tuple[Fact, ...]
    notice: Notice | None
    confirm: Confirm | None
    withdraw: Confirm | None
    back: Action
    code: str = ""

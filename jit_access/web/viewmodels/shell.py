"""The frame around every page for somebody who is signed in: where one may go, who one is, how fresh the proof is."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Notice, Person


@dataclass(frozen=True, slots=True)
class NavLink:
    """`key` is the second key of the `g` shortcut."""

    label: str
    href: str
    icon: str
    key: str = ""
    is_current: bool = False
    count: int = 0


@dataclass(frozen=True, slots=True)
class NavGroup:
    """Groups appear only to those who can use them."""

    title: str
    links: tuple[NavLink, ...]


@dataclass(frozen=True, slots=True)
class Assurance:
    """The state of the second factor, in words."""

    text: str
    is_fresh: bool
    icon: str = "shield"


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything `shell.html` needs."""

    groups: tuple[NavGroup, ...]
    person: Person
    person_id: str
    assurance: Assurance
    is_settings: bool = False
    has_shortcuts: bool = True
    session_ends_iso: str = ""
    alarm: Notice | None = None  # what security has to know wherever they are

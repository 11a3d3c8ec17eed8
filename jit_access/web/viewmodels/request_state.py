"""One request after sending: is it answered, who still has to, what can I do?"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.activity import TimelineStep
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice, Resource, ScopePart


@dataclass(frozen=True, slots=True)
class AskedStep:
    """Who has to agree, and how far it is; `stage` where there are several."""

    badge: Badge
    title: str
    note: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class TogetherPart:
    """Another request of the same bundle."""

    badge: Badge
    link: Action


@dataclass(frozen=True, slots=True)
class Together:
    """What was asked with it, and by which rule all of it is decided."""

    note: str
    parts: tuple[TogetherPart, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """What happened so far, and the field to say something, for who may."""

    steps: tuple[TimelineStep, ...]
    field: Field | None
    post_href: str


@dataclass(frozen=True, slots=True)
class RequestPage:
    """`is_live` asks the script to look again every few seconds until the state changes."""

    id: str
    title: str
    notice: Notice
    resource: Resource
    badge: Badge
    sentence: str
    quote: str
    ticket: str
    numbers: tuple[Fact, ...]
    steps: tuple[AskedStep, ...]
    facts: tuple[Fact, ...]
    withdraw: Confirm | None
    withdraw_href: str
    refresh_href: str
    is_live: bool
    again: Action | None = None
    parts: tuple[ScopePart, ...] = ()
    less: Notice | None = None
    glass_href: str = ""  # break-glass, where a rule has it

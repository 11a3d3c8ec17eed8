"""Locks: what is stopped, why, until when, what it hit, and what one more would."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice


@dataclass(frozen=True, slots=True)
class LockRow:
    """One lock in a list."""

    href: str
    label: str
    axis: str
    badge: Badge
    why: str
    who: str
    ends: str
    hit: str
    lift: Action | None


@dataclass(frozen=True, slots=True)
class LocksPage:
    """What is locked now, what was, and the way to lock something."""

    lead: str
    standing: tuple[LockRow, ...]
    over: tuple[LockRow, ...]
    can_lock: bool
    fields: tuple[Field, ...]
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class HitRow:
    """One grant that is, or would be, stopped."""

    href: str
    who: str
    what: str
    badge: Badge


@dataclass(frozen=True, slots=True)
class NewLockPage:
    """What one more lock would stop, before it does."""

    confirm: Confirm
    hit_title: str
    hits: tuple[HitRow, ...]
    wider: tuple[Action, ...]
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class LockPage:
    """One lock."""

    title: str
    badge: Badge
    facts: tuple[Fact, ...]
    hits: tuple[HitRow, ...]
    hit_title: str
    lift: Action | None

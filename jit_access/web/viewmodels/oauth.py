"""The pages of the authorization server."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Fact, Hidden, Notice, ReasonItem


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """Who asks, from where, for what and for how long; two answers."""

    title: str
    lead: str
    facts: tuple[Fact, ...]
    may: tuple[ReasonItem, ...]
    warning: str
    verb: str
    refuse_verb: str
    post_href: str
    hidden: tuple[Hidden, ...] = ()
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class BackPage:
    """The decision is made; the browser goes back to the client."""

    title: str
    lead: str
    href: str


@dataclass(frozen=True, slots=True)
class StrongerPage:
    """What was proved is too weak for what the client asks."""

    title: str
    lead: str
    actions: tuple[Action, ...]

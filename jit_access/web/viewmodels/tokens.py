"""The tokens of one grant: which one is that, does it still work, who used it from where?"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Field, Resource


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token, told by its public half. `rotate` and `revoke` are None where nothing can be done any more."""

    hint: str
    label: str
    badge: Badge
    note: str
    used: str
    used_from: str
    made: str
    ends: str
    rotate: Confirm | None = None
    revoke: Confirm | None = None


@dataclass(frozen=True, slots=True)
class TokensPage:
    """The whole page. `make_href` is empty where no further token can be made; `make_note` says why."""

    lead: str
    resource: Resource
    rows: tuple[TokenRow, ...]
    make_href: str
    make_note: str
    label: Field
    back: Action
    known: int = 0  # live ones: what a form that is sent twice has not seen

"""An agent's webhook: where it leads, how it is, what was sent."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Fact


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One message and what became of it."""

    kind: str
    badge: Badge
    note: str


@dataclass(frozen=True, slots=True)
class WebhookSection:
    """The section of an agent's page. Without a url there is none yet."""

    url: str
    badge: Badge | None
    note: str
    facts: tuple[Fact, ...]
    rows: tuple[DeliveryRow, ...]
    actions: tuple[Action, ...]
    test_href: str


@dataclass(frozen=True, slots=True)
class WebhookSecretPage:
    """The one page that shows the secret."""

    title: str
    secret: str
    more: str
    back: Action

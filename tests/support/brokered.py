"""A target that holds accounts of its own, at the network edge: the real code runs up to the connector's door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from jit_access.connectors import registry
from jit_access.connectors.base import AccessOutcome, Endpoint, EntitlementFacts, Retryable
from jit_access.domain.reasons import Reason
from jit_access.grants import upstream


@dataclass
class BrokeredTarget:
    """What exists there, what was called, and whether it answers."""

    held: set[EntitlementFacts] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    is_away: bool = False
    on_ensure: Callable[[], None] = lambda: None
    on_remove: Callable[[], None] = lambda: None

    def names(self) -> set[str]:
        return {f"{facts.resource}:{facts.operation}" for facts in self.held}

    def ensure_access(self, facts: EntitlementFacts) -> AccessOutcome:
        self.calls.append(("ensure", facts.resource))
        self.on_ensure()
        self._answer()
        self.held.add(facts)
        return AccessOutcome(True, "made")

    def remove_access(self, facts: EntitlementFacts) -> AccessOutcome:
        self.calls.append(("remove", facts.resource))
        self.on_remove()
        self._answer()
        self.held.discard(facts)
        return AccessOutcome(True, "removed")

    def close(self) -> None:
        pass

    def _answer(self) -> None:
        if self.is_away:
            raise Retryable(Reason.UPSTREAM_AWAY, "The target does not answer.")


def brokered_target(patch: pytest.MonkeyPatch) -> BrokeredTarget:
    """Have the demo target hold accounts of its own for one test."""
    target = BrokeredTarget()

    def connect(_: Endpoint) -> BrokeredTarget:
        return target

    patch.setitem(registry.KINDS, "oci", connect)
    patch.setattr(upstream, "BROKERED_KINDS", frozenset({"oci"}))
    return target

"""What targets have in common that keep no rights per grant: the proxy alone opens and closes what they hold."""

from __future__ import annotations

from jit_access.connectors.base import AccessOutcome, EntitlementFacts
from jit_access.connectors.wire import Wire


class WithoutRights:
    """The half of a connector that makes and takes access, where there is nothing to make."""

    _wire: Wire

    def ensure_access(self, facts: EntitlementFacts) -> AccessOutcome:
        """Nothing is changed at the target."""
        return self._nothing_there(facts)

    def remove_access(self, facts: EntitlementFacts) -> AccessOutcome:
        """Nothing is changed at the target."""
        return self._nothing_there(facts)

    def _nothing_there(self, facts: EntitlementFacts) -> AccessOutcome:
        slug = self._wire.endpoint.slug
        sentence = f"{slug} keeps no rights per grant; the proxy alone opens and closes {facts.resource}."
        return AccessOutcome(is_changed=False, sentence=sentence)

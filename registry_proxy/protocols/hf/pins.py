"""Which commit a grant's revision meant when it was used first.

A branch moves. A grant for `main` opens the commit that `main` named at its first use and no later one, until the grant
ends: what is pushed afterwards was not what anybody asked for or approved.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

RESOLVE_AGAIN_S = 2.0
MAX_KEYS = 4096

PinKey = tuple[str, str, str]  # grant, target, repository


@dataclass(slots=True)
class _Pins:
    commits: dict[str, str] = field(default_factory=dict)  # by revision
    resolved_at: float = float("-inf")


class PinStore:
    """Bounded memory of one process. Times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._pins: OrderedDict[PinKey, _Pins] = OrderedDict()

    def commit_of(self, key: PinKey, revision: str) -> str:
        """What the revision meant, or "" when this grant did not use it yet."""
        return self._of(key).commits.get(revision, "")

    def holds(self, key: PinKey, commit: str) -> bool:
        """True for a commit that some revision of this grant meant."""
        return commit in self._of(key).commits.values()

    def pin(self, key: PinKey, revision: str, commit: str) -> str:
        """Remember. The first one stays; returns what counts. No commit is nothing to remember."""
        if not commit:
            return ""
        return self._of(key).commits.setdefault(revision, commit)

    def may_resolve(self, key: PinKey, now: float) -> bool:
        """True when asking the hub is worth it; guessing commits must not become a flood upstream."""
        pins = self._of(key)
        if now - pins.resolved_at < RESOLVE_AGAIN_S:
            return False
        pins.resolved_at = now
        return True

    def _of(self, key: PinKey) -> _Pins:
        pins = self._pins.setdefault(key, _Pins())
        self._pins.move_to_end(key)
        while len(self._pins) > MAX_KEYS:
            self._pins.popitem(last=False)
        return pins

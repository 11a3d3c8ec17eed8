"""Which digests hang on the tags and digests that a restricted scope names.

A digest opens a blob only when it is reachable from something granted; otherwise a grant for one tag would open every
blob of the repository. Entries run out, so that a tag which moved on stops opening what it once named.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from jit_access.domain.scopes import ResourceScope

KEPT_S = 600.0
RESOLVE_AGAIN_S = 2.0
MAX_KEYS = 1024
MAX_DIGESTS_PER_KEY = 65_536

ReachKey = tuple[str, str, ResourceScope]  # grant, target, resource: a narrowed scope starts anew


@dataclass(slots=True)
class _Reach:
    until: dict[str, float] = field(default_factory=dict)
    resolved_at: float = float("-inf")


class ReachStore:
    """Bounded memory of reachable digests. Times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._reaches: OrderedDict[ReachKey, _Reach] = OrderedDict()

    def knows(self, key: ReachKey, digest: str, now: float) -> bool:
        """True while the digest was seen under this key not long ago."""
        reach = self._reaches.get(key)
        return reach is not None and reach.until.get(digest, now) > now

    def remember(self, key: ReachKey, digests: Iterable[str], now: float) -> None:
        """Add digests. Over the bound, what was known before goes: it is only a cache."""
        reach = self._reach(key)
        reach.until.update((digest, now + KEPT_S) for digest in digests)
        if len(reach.until) > MAX_DIGESTS_PER_KEY:
            reach.until = dict(list(reach.until.items())[-MAX_DIGESTS_PER_KEY:])

    def may_resolve(self, key: ReachKey, now: float) -> bool:
        """True when asking the registry again is worth it; guessing digests must not become a flood upstream."""
        reach = self._reach(key)
        if now - reach.resolved_at < RESOLVE_AGAIN_S:
            return False
        reach.resolved_at = now
        return True

    def _reach(self, key: ReachKey) -> _Reach:
        reach = self._reaches.setdefault(key, _Reach())
        self._reaches.move_to_end(key)
        while len(self._reaches) > MAX_KEYS:
            self._reaches.popitem(last=False)
        return reach

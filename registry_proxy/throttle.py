"""How much one network and one grant may ask of this process. Pure counting: no clock of its own, no I/O.

Every request pays with two dict operations, so the counts are per process: N processes let N times as much through.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from jit_access.domain.reasons import Reason
from registry_proxy.settings import Limits

KEYS_MAX = 65_536  # what comes beyond shares one bucket: a crowd
_SWEEP_EVERY_S = 1.0


class Buckets:
    """Token buckets by key. One number per key: the instant at which its bucket will be full again.

    Source: the generic cell rate algorithm, ITU-T I.371; equal to a bucket of `burst` that gains `per_s` each second.
    """

    def __init__(self, per_s: float, burst: int, *, keys_max: int = KEYS_MAX) -> None:
        self._step_s = 1.0 / per_s
        self._ahead_s = (burst - 1) / per_s
        self._keys_max = keys_max
        self._full_at: dict[str, float] = {}
        self._swept_at = float("-inf")

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> bool:
        """Take one if there is one. A refusal costs nothing, so whoever waits gets on."""
        full_at = self._full_at.get(key)
        if full_at is None:
            if len(self._full_at) >= self._keys_max:
                self._forget_full(now)
                if len(self._full_at) >= self._keys_max:
                    key = ""
            full_at = self._full_at.get(key, now)
        if full_at <= now:
            self._full_at[key] = now + self._step_s
            return True
        if full_at - now > self._ahead_s:
            return False
        self._full_at[key] = full_at + self._step_s
        return True

    def _forget_full(self, now: float) -> None:
        """A full bucket is what an unknown key begins with. Looked for now and then, not at every key too many."""
        if now - self._swept_at < _SWEEP_EVERY_S:
            return
        self._swept_at = now
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}


class Throttle:
    """The limits of `settings.Limits` on requests and on what runs at once."""

    def __init__(self, limits: Limits, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._networks = Buckets(limits.requests_per_address, limits.request_burst_per_address)
        self._grants = Buckets(limits.requests_per_grant, limits.request_burst_per_grant)
        self._streams_per_grant = limits.streams_per_grant
        self._running: dict[str, int] = {}

    def may_ask(self, network: str) -> bool:
        """One more connection or request of this network, whoever sends it."""
        return self._networks.take(network, self._ticks())

    def begin(self, grant: str) -> Reason | None:
        """One more exchange under this grant. None: it counts as running until `end`."""
        if not self._grants.take(grant, self._ticks()):
            return Reason.RATE_LIMITED
        running = self._running.get(grant, 0)
        if running >= self._streams_per_grant:
            return Reason.TOO_MANY_STREAMS
        self._running[grant] = running + 1
        return None

    def end(self, grant: str) -> None:
        """An exchange that had begun is over."""
        running = self._running.pop(grant) - 1
        if running:
            self._running[grant] = running

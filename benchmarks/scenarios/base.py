"""The ground that scenarios share, and the readings around a load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.control.plane import ControlPlane
from benchmarks.meters import core_busy_s
from benchmarks.peers.base import Visit
from benchmarks.plan import Plan
from benchmarks.site import MIB, Blob, Site

Values = dict[str, float]


@dataclass(slots=True)
class Ground:
    """Everything that a scenario needs beside the visit. `notes` are facts seen on the way, like the TLS agreed on."""

    site: Site
    plan: Plan
    control: ControlPlane
    large: Blob  # moved by one stream
    shared: Blob  # a quarter of it, moved by each of eight
    notes: dict[str, str] = field(default_factory=dict)


Measure = Callable[[Ground, Visit], Iterator[tuple[str, Values]]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One part of a run: which upstreams and candidates it visits, how often, and what it does there."""

    name: str
    part: str
    upstreams: tuple[str, ...]
    candidates: tuple[str, ...]
    measure: Measure
    rounds: int = 0  # 0: as many as the plan says


class Reading:
    """Meters at the start of a load; `values` reads them again at its end."""

    def __init__(self, ground: Ground, visit: Visit) -> None:
        self._ground, self._visit = ground, visit
        visit.meter.reset_peak()
        self._control = ground.control.meter.cpu_s()
        self._core = core_busy_s(ground.site.cores.measured)
        self._began = time.monotonic()
        self._cpu = visit.meter.cpu_s()

    def values(self, unit: str, amount: float, factor: float) -> Values:
        """CPU of the tree per unit, scaled; nothing of that kind for a candidate without a tree."""
        if not self._visit.children:
            return {}
        cpu = self._visit.meter.cpu_s() - self._cpu
        busy = core_busy_s(self._ground.site.cores.measured) - self._core
        elapsed = time.monotonic() - self._began
        return {
            f"cpu_{unit}": cpu / amount * factor,
            f"control_{unit}": (self._ground.control.meter.cpu_s() - self._control) / amount * factor,
            "cpu_s": cpu,
            # Ticks are coarse, so a little less than nothing may come out.
            "foreign": max(0.0, busy - cpu) / elapsed,
            "peak_rss_mib": self._visit.meter.peak_rss_bytes() / MIB,
        }

"""What one worker counts.

Counting is on the path of every request, so it is an addition to an integer; prometheus_client, whose counters take a
lock and look a child up for each step, only writes the page when somebody asks for it. What somebody else knows anyway
(how many connections, how old the news) is not copied here: it is read at that moment.

Counts of the event loop's thread have no lock. The few that other threads make too have one.
"""

from __future__ import annotations

import builtins
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from jit_access.domain.reasons import Reason

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# From hearing of an end to the reset, in seconds: the goal is 10 ms at the 99th percentile.
CUT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

_ALARMING = (
    Reason.INTERNAL_ERROR, Reason.AUDIT_UNAVAILABLE, Reason.CONTROL_PLANE_LOST, Reason.UPSTREAM_AWAY,
    Reason.UPSTREAM_REFUSED_CREDENTIAL, Reason.TOO_MANY_CONNECTIONS, Reason.RATE_LIMITED,
)  # fmt: skip
_ALARMING_CUTS = (Reason.CONTROL_PLANE_LOST, Reason.DIGEST_MISMATCH)

Read = Callable[[], float | Mapping[str, float]]


class Number:
    """One value that goes up and down."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def inc(self) -> None:
        """One more."""
        self.value += 1

    def dec(self) -> None:
        """One less."""
        self.value -= 1

    def set(self, value: float) -> None:
        """This many."""
        self.value = value


@dataclass(frozen=True, slots=True)
class _Reading:
    """Something that is looked up when the page is written. `label` names the keys of a mapping."""

    family: type[GaugeMetricFamily | CounterMetricFamily]
    name: str
    documentation: str
    label: str
    read: Read

    def collect(self) -> Metric:
        found = self.read()
        family = self.family(self.name, self.documentation, labels=[self.label] if self.label else [])
        for key, value in found.items() if isinstance(found, Mapping) else [("", found)]:
            family.add_metric([key] if self.label else [], value)
        return family


class Meter(Collector):
    """Counters and gauges of this process. Each process is asked by itself."""

    def __init__(self) -> None:
        # There from the start: Prometheus sees no rise in a series that begins with its first event.
        self._requests: Counter[tuple[str, str]] = Counter({("deny", reason): 0 for reason in _ALARMING})
        self._decisions: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[str] = Counter({"in": 0, "out": 0})
        self._cuts: Counter[str] = Counter(dict.fromkeys(_ALARMING_CUTS, 0))
        self._cut_latency = [0] * (len(CUT_BUCKETS_S) + 1)
        self._cut_latency_s = 0.0
        self._lock = Lock()
        self._reloads: Counter[str] = Counter()
        self._rejected_news = 0
        self._lost_records = 0
        self.streams = Number()
        self.view_age = Number()
        self.clock_ahead = Number()
        self.running_bytes: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._readings: list[_Reading] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    # -- counting

    def request(self, outcome: str, reason: str) -> None:
        """One request was answered: `allow`, `deny` or `cut`, and why."""
        self._requests[outcome, reason] += 1

    def decision(self, decision: str, reason: str) -> None:
        """The gate was asked once: `allow` or `deny`, and why."""
        self._decisions[decision, reason] += 1

    def bytes(self, direction: str, n: int) -> None:
        """`in` is from the client, `out` is to the client."""
        self._bytes[direction] += n

    def cut(self, reason: str, latency_s: float | None = None) -> None:
        """One running stream was cut, so long after this process heard of the reason; None when nobody told it."""
        self._cuts[reason] += 1
        if latency_s is not None:
            self._cut_latency[bisect_left(CUT_BUCKETS_S, latency_s)] += 1
            self._cut_latency_s += latency_s

    def rejected_news(self) -> None:
        """One message could not be trusted."""
        with self._lock:
            self._rejected_news += 1

    def reload(self, why: str) -> None:
        """One snapshot was loaded. `why` is one of the listener's own words."""
        with self._lock:
            self._reloads[why] += 1

    def lost_record(self) -> None:
        """One note was dropped; the spool writes a record that says so as soon as it can."""
        with self._lock:
            self._lost_records += 1

    # -- looking up

    def gauge(self, name: str, documentation: str, read: Read, label: str = "") -> None:
        """Have `read` called for each page; with a `label` it gives a value for each key."""
        self._readings.append(_Reading(GaugeMetricFamily, name, documentation, label, read))

    def counter(self, name: str, documentation: str, read: Read, label: str = "") -> None:
        """The same for what only grows, and is counted elsewhere."""
        self._readings.append(_Reading(CounterMetricFamily, name, documentation, label, read))

    # -- the page

    def render(self) -> builtins.bytes:
        """The page for the scraper."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Everything as families, for prometheus_client."""
        yield _by_two("jit_proxy_requests", "Requests answered.", ("outcome", "reason"), self._requests)
        yield _by_two("jit_proxy_decisions", "Answers of the gate.", ("decision", "reason"), self._decisions)
        running = dict(zip(("in", "out"), self.running_bytes(), strict=True))
        moved = {direction: count + running[direction] for direction, count in self._bytes.items()}
        yield _by_one("jit_proxy_bytes", "Body bytes moved, running exchanges included.", "direction", moved)
        yield _by_one("jit_proxy_cuts", "Running streams that were cut.", "reason", self._cuts)
        yield self._cut_family()
        with self._lock:
            reloads, rejected, lost = dict(self._reloads), self._rejected_news, self._lost_records
        yield _by_one("jit_proxy_reloads", "Snapshots loaded.", "why", reloads)
        yield CounterMetricFamily("jit_proxy_rejected_news", "Messages not signed by the control plane.", rejected)
        yield CounterMetricFamily("jit_proxy_lost_audit_records", "Notes without room while the disk failed.", lost)
        for name, documentation, number in (
            ("jit_proxy_streams", "Exchanges running now.", self.streams),
            ("jit_proxy_view_age_seconds", "Seconds since the control plane's newest heartbeat.", self.view_age),
            (
                "jit_proxy_clock_ahead_seconds",
                "How far expiry is ahead of a database clock that went back.",
                self.clock_ahead,
            ),
        ):
            yield GaugeMetricFamily(name, documentation, number.value)
        for reading in self._readings:
            yield reading.collect()

    def _cut_family(self) -> Metric:
        total, buckets = 0, []
        for bound, count in zip((*map(str, CUT_BUCKETS_S), "+Inf"), self._cut_latency, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(
            "jit_proxy_cut_latency_seconds", "From hearing that an allow ended to the reset of its stream.",
            buckets, self._cut_latency_s,
        )  # fmt: skip


def _by_one(name: str, documentation: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family


def _by_two(name: str, documentation: str, labels: tuple[str, str], counts: Mapping[tuple[str, str], int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for keys, count in counts.items():
        family.add_metric(keys, count)
    return family

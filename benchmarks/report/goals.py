"""The goals of the data plane, what was measured, and by how much one is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.ratios import Spread, quantile
from benchmarks.report.words import number, spread
from benchmarks.results import Results


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table. `value` is what is compared, None when there is nothing to compare."""

    goal: str
    limit: float
    value: float | None
    measured: str

    @property
    def is_met(self) -> bool:
        return self.value is not None and self.value <= self.limit

    @property
    def words(self) -> str:
        if self.value is None:
            return "not measured"
        if self.is_met:
            return "met"
        return f"**missed** by {self.value / self.limit - 1:.0%}"


Question = Callable[[Results], Verdict]


def judge_goals(results: Results) -> list[Verdict]:
    """Every goal, in the order in which they are named."""
    return [ask(results) for ask in GOALS]


def _ratio(goal: str, cases: tuple[str, ...], upstream: str, against: str, limit: float) -> Question:
    """Ours over theirs in CPU; of several cases the worst one counts."""

    def ask(results: Results) -> Verdict:
        value = "cpu_us" if cases[0].startswith("requests") else "cpu_gib"
        found = [(case, results.ratio(case, upstream, against, value)) for case in cases]
        known = [(case, ratio) for case, ratio in found if ratio is not None]
        words = "; ".join(f"{_short(case)}: {spread(ratio)}" for case, ratio in known)
        return Verdict(goal, limit, _worst(ratio for _, ratio in known), words)

    return ask


def _most(goal: str, case: str, upstream: str, value: str, limit: float) -> Question:
    """The largest of one value of ours."""

    def ask(results: Results) -> Verdict:
        seen = results.spread(case, upstream, "gateway", value)
        return Verdict(goal, limit, seen.high if seen else None, spread(seen))

    return ask


def _quantile(goal: str, case: str, value: str, share: float, limit: float) -> Question:
    """Of one value over all repetitions; groups are cut with two processes."""
    candidate = "gateway" if case.startswith("cut/1/") else "gateway-2"

    def ask(results: Results) -> Verdict:
        values = [sample.values[value] for sample in results.select(case, "static", candidate)]
        if not values:
            return Verdict(goal, limit, None, "")
        seen = quantile(values, share)
        return Verdict(goal, limit, seen, f"{number(seen)} (n = {len(values)})")

    return ask


def _worst(ratios: Iterable[Spread]) -> float | None:
    return max((ratio.median for ratio in ratios), default=None)


def _short(case: str) -> str:
    kind, _, streams = case.partition("/")
    return f"{streams} connections" if kind == "requests" else "1 stream" if streams == "1" else f"{streams} streams"


_BOTH = ("1", "8")
_PLAIN = tuple(f"down/{streams}" for streams in _BOTH)
_TLS = tuple(f"down-tls/{streams}" for streams in _BOTH)
_ONE = "cut/1/50 MiB/s"
_CUT = "cut of a pull at 50 MiB/s"
_GROUP = "revoked -> last byte, 2 processes,"
_REQUEST = "CPU per small request, everything on,"

GOALS: tuple[Question, ...] = (
    _ratio(f"{_REQUEST} static files: <= nginx + auth_request", ("requests/32",), "static", "nginx-auth", 1.0),
    _ratio(f"{_REQUEST} docker-registry: <= nginx + auth_request", ("requests/32",), "registry", "nginx-auth", 1.0),
    _ratio(f"{_REQUEST} static files: <= 1/3 of Caddy forward_auth", ("requests/32",), "static", "caddy-auth", 1 / 3),
    _ratio("CPU per GiB, plain, docker-registry: <= 0.8 x nginx", _PLAIN, "registry", "nginx", 0.8),
    _ratio("CPU per GiB, plain, docker-registry: <= HAProxy with splice", _PLAIN, "registry", "haproxy-splice", 1.0),
    _ratio("CPU per GiB over TLS: <= 1.2 x nginx", _TLS, "registry", "nginx", 1.2),
    _ratio("CPU per GiB over TLS: < Caddy", _TLS, "registry", "caddy", 1.0),
    _most("8 whole layers at once: <= 64 MiB peak RSS", "memory/streams", "registry", "peak_rss_mib", 64),
    _most("8 slow readers: <= 64 MiB peak RSS", "memory/slow-readers", "registry", "peak_rss_mib", 64),
    _most("a watch that is idle: <= 10 KiB", "memory/stalled", "sink", "kib_each", 10),
    _quantile(f"{_CUT}: median <= 15 ms", _ONE, "last_ms_p99", 0.5, 15),
    _quantile(f"{_CUT}: p99 <= 30 ms", _ONE, "last_ms_p99", 0.99, 30),
    _quantile(f"{_CUT}: <= 1 MiB after it", _ONE, "after_mib_max", 0.5, 1),
    _quantile(f"{_GROUP} 16 streams at 200 KiB/s: p99 <= 10 ms", "cut/16/200 KiB/s", "last_ms_p99", 0.5, 10),
    _quantile(f"{_GROUP} 64 streams at 200 KiB/s: p99 <= 25 ms", "cut/64/200 KiB/s", "last_ms_p99", 0.5, 25),
    _quantile(f"{_GROUP} 64 streams at 50 MiB/s: p99 <= 25 ms", "cut/64/50 MiB/s", "last_ms_p99", 0.5, 25),
)

"""Which pictures the report has, and from which numbers."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.ratios import Spread
from benchmarks.report.chart import Bar, Panel, draw
from benchmarks.report.words import UPSTREAMS, plain_title
from benchmarks.results import Results


@dataclass(frozen=True, slots=True)
class Wanted:
    """One panel: a value of a case at an upstream."""

    title: str
    unit: str
    case: str
    upstream: str
    value: str


_REQUEST = "CPU µs per request"
_BYTES = "CPU s per GiB"
_MEMORY = "MiB"
_AT_ONCE = "32 connections"

PICTURES: dict[str, tuple[str, tuple[Wanted, ...]]] = {
    "requests": (
        "CPU time per small request",
        tuple(
            Wanted(f"{UPSTREAMS[name]}, {_AT_ONCE}", _REQUEST, "requests/32", name, "cpu_us")
            for name in ("static", "registry")
        ),
    ),
    "down": (
        "CPU time per GiB of a download",
        tuple(
            Wanted(f"{UPSTREAMS[name]}, 8 streams", _BYTES, "down/8", name, "cpu_gib")
            for name in ("static", "registry")
        ),
    ),
    "up": (
        "CPU time per GiB of an upload",
        tuple(
            Wanted(f"{UPSTREAMS[name]}, 8 streams", _BYTES, "up/8", name, "cpu_gib") for name in ("sink", "registry")
        ),
    ),
    "tls": (
        "CPU time per GiB over TLS",
        (
            Wanted("down from docker-registry, 8 streams", _BYTES, "down-tls/8", "registry", "cpu_gib"),
            Wanted("up to docker-registry, 8 streams", _BYTES, "up-tls/8", "registry", "cpu_gib"),
        ),
    ),
    "memory": (
        "Peak memory of the process tree",
        (
            Wanted("8 whole layers at once", _MEMORY, "memory/streams", "registry", "peak_rss_mib"),
            Wanted("8 readers at 20 MiB/s", _MEMORY, "memory/slow-readers", "registry", "peak_rss_mib"),
        ),
    ),
    "cuts": (
        "Milliseconds from the revocation to the last byte",
        (
            Wanted("1 client at 50 MiB/s", "ms", "cut/1/50 MiB/s", "static", "last_ms_p99"),
            Wanted("1 client at full speed", "ms", "cut/1/full speed", "static", "last_ms_p99"),
            Wanted("64 clients at 50 MiB/s, the latest of them", "ms", "cut/64/50 MiB/s", "static", "last_ms_p99"),
        ),
    ),
}


def draw_pictures(results: Results) -> dict[str, tuple[str, str]]:
    """Name to (description, SVG), for those that have numbers."""
    found = {}
    for name, (description, wanted) in PICTURES.items():
        panels = [panel for panel in (_panel(results, item) for item in wanted) if panel is not None]
        if panels:
            found[name] = (description, draw(panels, description))
    return found


def _panel(results: Results, wanted: Wanted) -> Panel | None:
    bars = []
    for candidate in results.candidates(wanted.case, wanted.upstream):
        samples = results.select(wanted.case, wanted.upstream, candidate)
        seen = Spread.over(sample.values[wanted.value] for sample in samples if wanted.value in sample.values)
        if seen is not None:
            bars.append(Bar(plain_title(candidate), seen, candidate.startswith("gateway")))
    if not bars:
        return None
    bars.sort(key=lambda bar: bar.spread.median)
    return Panel(wanted.title, wanted.unit, bars)

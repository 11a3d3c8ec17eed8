"""The tables of the report, one function per kind of load."""

from __future__ import annotations

from benchmarks.ratios import Spread, quantile
from benchmarks.report.words import UPSTREAMS, number, row, spread, table, title
from benchmarks.results import OURS, Results

_RATIO = "this gateway / it"


def ratio_words(results: Results, case: str, upstream: str, candidate: str, value: str) -> str:
    """1 for ourselves; nothing for a candidate that has no CPU time of its own."""
    return "1" if candidate == OURS else spread(results.ratio(case, upstream, candidate, value))


def request_table(results: Results, case: str, upstream: str) -> list[str]:
    """Small requests at one number of connections."""
    rows = []
    for candidate in results.candidates(case, upstream):
        p50, p99 = (results.spread(case, upstream, candidate, name) for name in ("p50_ms", "p99_ms"))
        rows.append(
            row(
                title(candidate),
                spread(results.spread(case, upstream, candidate, "cpu_us")),
                ratio_words(results, case, upstream, candidate, "cpu_us"),
                spread(results.spread(case, upstream, candidate, "rps")),
                f"{_median(p50)} / {_median(p99)}",
            )
        )
    return table(("candidate", "CPU µs / request", _RATIO, "requests/s", "p50 / p99 ms"), rows)


def control_words(results: Results, case: str, upstream: str) -> str:
    """What the other core paid for our records meanwhile; none of the peers has anybody to tell."""
    seen = results.spread(case, upstream, OURS, "control_us")
    return f"Taking the gateway's records cost the control plane {spread(seen)} µs per request on the other core."


def byte_table(results: Results, kind: str, upstream: str) -> list[str]:
    """Large bodies by one stream and by eight."""
    rows = []
    one, eight = f"{kind}/1", f"{kind}/8"
    for candidate in results.candidates(eight, upstream):
        cells = [
            part
            for case in (one, eight)
            for part in (
                spread(results.spread(case, upstream, candidate, "cpu_gib")),
                ratio_words(results, case, upstream, candidate, "cpu_gib"),
            )
        ]
        rate = spread(results.spread(eight, upstream, candidate, "gib_s"))
        rss = results.spread(eight, upstream, candidate, "peak_rss_mib")
        rows.append(row(title(candidate), *cells, rate, number(rss.high) if rss else "-"))
    head = ("candidate", "1 stream: CPU s / GiB", _RATIO, "8 streams: CPU s / GiB", _RATIO, "GiB/s", "peak RSS MiB")
    return table(head, rows)


def memory_table(results: Results) -> list[str]:
    """Peaks under streams, and what one idle connection costs."""
    columns = {
        "8 whole layers, peak RSS MiB": ("memory/streams", "registry", "peak_rss_mib"),
        "8 slow readers, peak RSS MiB": ("memory/slow-readers", "registry", "peak_rss_mib"),
        "idle connection, KiB": ("memory/idle", "static", "kib_each"),
        "stalled download, KiB": ("memory/stalled", "sink", "kib_each"),
    }
    known = dict.fromkeys(name for case, upstream, _ in columns.values() for name in results.candidates(case, upstream))
    rows = [
        row(
            title(candidate),
            *(spread(results.spread(case, upstream, candidate, value)) for case, upstream, value in columns.values()),
        )
        for candidate in known
    ]
    return table(("candidate", *columns), rows)


def cut_table(results: Results, streams: int) -> list[str]:
    """From the revocation to the last byte, with so many clients."""
    rows = []
    for case, upstream in results.cases(f"cut/{streams}/"):
        for candidate in results.candidates(case, upstream):
            samples = list(results.select(case, upstream, candidate))
            last = [sample.values["last_ms_p99"] for sample in samples]
            median = [sample.values["last_ms_p50"] for sample in samples]
            after = [sample.values["after_mib_max"] for sample in samples]
            resets = min(sample.values["resets"] for sample in samples)
            rows.append(
                row(
                    case.split("/", maxsplit=2)[2],
                    title(candidate),
                    spread(Spread.over(median)),
                    number(quantile(last, 0.99)),
                    spread(Spread.over(after)),
                    "reset" if resets == 1 else "end" if resets == 0 else "both",
                    str(len(samples)),
                )
            )
    head = ("client's pace", "candidate", "last byte, median ms", "p99 ms", "most MiB after", "ended by", "n")
    return table(head, rows)


def noise_words(results: Results) -> str:
    """How quiet the machine was: what others did on the measured core, and the load average."""
    foreign = sorted(sample.values["foreign"] for sample in results.samples if "foreign" in sample.values)
    loads = sorted(sample.load_average for sample in results.samples)
    if not foreign:
        return "No noise was recorded."
    return (
        f"Others took {quantile(foreign, 0.5):.0%} of the measured core at the median and {foreign[-1]:.0%} at most; "
        f"load average {loads[0]:.1f} to {loads[-1]:.1f}, this run's own included."
    )


def upstream_words(name: str) -> str:
    """In a heading."""
    return UPSTREAMS.get(name, name)


def _median(value: Spread | None) -> str:
    return number(value.median) if value else "-"

"""Puts the report together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.plan import Plan
from benchmarks.report.goals import judge_goals
from benchmarks.report.missed import missed_table
from benchmarks.report.pictures import draw_pictures
from benchmarks.report.tables import (
    byte_table,
    control_words,
    cut_table,
    memory_table,
    noise_words,
    request_table,
    upstream_words,
)
from benchmarks.report.words import row, table
from benchmarks.results import Results

_METHOD = Path(__file__).with_name("method.md")
_TRIED = Path(__file__).with_name("tried.md")
_WHERE = Path(__file__).with_name("where.md")
_HEAD = """# The gateway beside its peers

Written by `python -m benchmarks`; do not edit. Run it again with the same command (root or installed packages, two
cores, about 25 minutes), or `python -m benchmarks --quick` to see that everything works. The raw numbers are in
[results.json](results.json); `python -m benchmarks --report` draws this page from them."""
_BODIES = {
    "down": ("Downloads", "A large layer, plain."),
    "up": (
        "Uploads",
        "One PATCH of an upload session, plain; a quarter of the size to docker-registry, which hashes it.",
    ),
    "down-tls": ("Downloads over TLS", "TLS on the client's side; the kernel moves no bytes by itself here."),
    "up-tls": ("Uploads over TLS", "The same in the other direction."),
}
_PICTURE_OF = {"down": "down", "up": "up", "down-tls": "tls"}


def write_report(results: Results, folder: Path) -> None:
    """README.md and its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = draw_pictures(results)
    for name, (_, svg) in pictures.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    shown = {name: f"![{description}]({name}.svg)" for name, (description, _) in pictures.items()}
    text = "\n".join(_lines(results, shown)).rstrip() + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def plan_facts(plan: Plan) -> dict[str, str]:
    """What the reader must know of the run itself."""
    return {
        "rounds": str(plan.rounds),
        "small requests": f"{plan.seconds:g} s per load",
        "large layer": f"{plan.blob_mib} MiB for one stream, {plan.blob_mib // 4} MiB for each of eight",
        "idle connections": str(plan.idle),
        "cuts": f"{plan.single_cuts} per case with one client, {plan.group_cuts} with groups",
    }


def _lines(results: Results, pictures: dict[str, str]) -> Iterator[str]:
    yield from (_HEAD, "", "## Goals", "")
    yield from _goals(results)
    yield from ("", "## How it was measured", "", _METHOD.read_text(encoding="utf-8"))
    yield from table(("fact", ""), [row(name, value) for name, value in (results.facts | results.notes).items()])
    yield from ("", noise_words(results), "")
    yield from _requests(results, pictures)
    yield from _bodies(results, pictures)
    yield from _memory(results, pictures)
    yield from _cuts(results, pictures)
    yield from _profiles(results)
    yield from _failures(results)


def _goals(results: Results) -> Iterator[str]:
    rows = [row(verdict.goal, verdict.measured or "-", verdict.words) for verdict in judge_goals(results)]
    yield from table(("goal", "measured", "verdict"), rows)
    if missed_table(judge_goals(results)):
        yield from ("", "What was missed, and why: [where the time goes](#where-the-time-goes).")


def _requests(results: Results, pictures: dict[str, str]) -> Iterator[str]:
    cases = results.cases("requests/")
    if not cases:
        return
    yield from ("## Small requests", "", "One manifest of about 1 KiB over kept connections.", "")
    yield from (pictures.get("requests", ""), "")
    for case, upstream in sorted(cases, key=lambda pair: (pair[1] != "static", int(pair[0].partition("/")[2]))):
        yield from (f"### {upstream_words(upstream)}, {case.partition('/')[2]} connections", "")
        yield from request_table(results, case, upstream)
        yield from ("", control_words(results, case, upstream), "")
    yield from (_TRIED.read_text(encoding="utf-8"), "")


def _bodies(results: Results, pictures: dict[str, str]) -> Iterator[str]:
    for kind, (heading, words) in _BODIES.items():
        cases = results.cases(f"{kind}/8")
        if not cases:
            continue
        yield from (f"## {heading}", "", words, "", pictures.get(_PICTURE_OF.get(kind, ""), ""), "")
        for _, upstream in cases:
            yield from (f"### {heading}, {upstream_words(upstream)}", "")
            yield from byte_table(results, kind, upstream)
            yield ""


def _memory(results: Results, pictures: dict[str, str]) -> Iterator[str]:
    if results.cases("memory/"):
        yield from ("## Memory", "", pictures.get("memory", ""), "")
        yield from memory_table(results)
        yield ""


def _cuts(results: Results, pictures: dict[str, str]) -> Iterator[str]:
    if not results.cases("cut/"):
        return
    yield from ("## From the revocation to the last byte", "", pictures.get("cuts", ""), "")
    for streams in (1, 16, 64):
        if results.cases(f"cut/{streams}/"):
            yield from (f"### {streams} client{'s' if streams > 1 else ''}", "")
            yield from cut_table(results, streams)
            yield ""


def _profiles(results: Results) -> Iterator[str]:
    yield from ("## Where the time goes", "")
    yield from (*missed_table(judge_goals(results)), "")
    yield from (_WHERE.read_text(encoding="utf-8"), "")
    if results.profiles:
        yield from ("The gateway under a load of its own, not during the measurements:", "")
    for name, lines in results.profiles.items():
        yield from ("<details>", f"<summary>{name}</summary>", "", "```text", *lines, "```", "", "</details>", "")


def _failures(results: Results) -> Iterator[str]:
    if results.failures:
        yield from ("## Visits that gave no number", "")
        for item in results.failures:
            yield f"- {item.case}, {item.upstream}, {item.candidate}, round {item.round + 1}: {item.why}"

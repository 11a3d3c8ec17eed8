"""What stands behind each goal that was missed: one row, with where its time or memory goes as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.report.goals import Verdict
from benchmarks.report.words import row

# By the words of a goal; the first that fits counts.
_WHERE = (
    ("CPU per small request", "Python, spread over all rooms: the table below"),
    (
        "HAProxy with splice",
        "both splice; ours asks the guard before each MiB and pays for one exchange and two records per layer, which"
        " a layer of 256 MiB does not hide. Not profiled yet",
    ),
    (
        "over TLS",
        "our loop's TLS runs on buffers in memory, so each byte is copied more often than where the library has the"
        " socket; without TLS in the kernel there is no other way from Python",
    ),
    ("a watch that is idle", "objects of one connection, its conversation and its stream. Not broken down yet"),
    (
        "streams at 200 KiB/s",
        "four cuts beside other work; `python -m benchmarks.revoke_stages` takes the way apart. Not profiled yet",
    ),
    (
        "revoked -> last byte",
        "the clients' core is full (see the method), and its queue is in the figure;"
        " `python -m benchmarks.revoke_stages` takes the way apart",
    ),
)


def missed_table(verdicts: Iterable[Verdict]) -> list[str]:
    """Only what was missed; nothing when all was met."""
    rows = [
        row(verdict.goal, verdict.words.replace("*", "").removeprefix("missed "), where_words(verdict.goal))
        for verdict in verdicts
        if verdict.value is not None and not verdict.is_met
    ]
    return ["| missed goal | by | where it goes |", "| --- | ---: | --- |", *rows] if rows else []


def where_words(goal: str) -> str:
    """What is known of it."""
    return next((words for part, words in _WHERE if part in goal), "not known yet")

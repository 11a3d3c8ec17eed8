"""How long a proxy takes from hearing that grants ended to the last cut, with 10,000 views and 1,000 running streams.

Run: `python benchmarks/session_index.py`. One process, no network: what is measured is the table, the index and the
judging, not the sockets. A lock on a person, a device or a target arrives as the closed views of every grant it ends.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView
from registry_proxy.gate import Admission
from tests.support.gate_world import NOW, World
from tests.support.views import closed, make_token, make_view, pull

VIEWS = 10_000
STREAMS = 1_000
ROUNDS = 7
# what ends: how many grants, with how many streams each
CASES = (("a grant nobody uses", 1, 0), ("a grant", 1, 1), ("a busy grant", 1, 1000), ("a person", 100, 10),
         ("a target", 1000, 1))  # fmt: skip


def measure(grants: int, streams_each: int) -> float:
    """Seconds from the news to the last cut. The rest of the streams runs under other grants."""
    world = World()
    tokens = [make_token() for _ in range(VIEWS)]
    views = [make_view(token, now=NOW, grant_id=f"grt_{number}") for number, token in enumerate(tokens)]
    world.load(*views)
    cuts: list[float] = []

    def cut(_: Reason) -> None:
        cuts.append(time.perf_counter())

    others = STREAMS - grants * streams_each
    for number, count in [(n, streams_each) for n in range(grants)] + [(VIEWS - 1 - n, 1) for n in range(others)]:
        admission = world.gate.decide(tokens[number], pull())
        if not isinstance(admission, Admission):
            raise SystemExit(f"not admitted: {admission.reason}")
        for _ in range(count):
            world.gate.watch(admission, pull(), cut)
    ended: list[SessionView] = [closed(view) for view in views[:grants]]
    began = time.perf_counter()
    world.tell(*ended)
    world.gate.is_ready()  # what the loop does when it is woken
    seconds = (cuts[-1] if cuts else time.perf_counter()) - began
    if len(cuts) != grants * streams_each:
        raise SystemExit(f"{len(cuts)} streams were cut instead of {grants * streams_each}")
    return seconds


def main() -> None:
    print(f"{VIEWS} views, {STREAMS} streams, best of {ROUNDS}")
    for name, grants, streams in CASES:
        best = min(measure(grants, streams) for _ in range(ROUNDS))
        print(f"{name:22s} {grants:5d} grants, {grants * streams:5d} cuts: {best * 1000:8.3f} ms")


if __name__ == "__main__":
    main()

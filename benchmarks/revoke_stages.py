"""Where the time goes between the commit of a revocation and the last cut, stage by stage.

Run: `python benchmarks/revoke_stages.py [--streams N] [--rounds N] [--busy]`. A real control plane on SQLite and one
process that is a proxy without sockets: the real ear and gate, with streams that only note when they are cut.
`--busy` gives its event loop 64 tasks that take half of a core. Clients are measured by `python -m benchmarks`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jit_access.domain.reasons import Reason
from registry_proxy.gate import Admission
from tests.support.views import closed, make_token, make_view, pull

STAGES = ("commit to XADD", "XADD to heard", "heard to first cut", "first to last cut", "all of it")
_SETTLE_S = 0.15  # the token is known by then, and nothing of its opening is under way
_BUSY_TASKS = 64
_BUSY_S, _REST_S = 78e-6, 0.01


async def listen(streams: int, is_busy: bool) -> None:
    """The proxy's side: told a token on standard input, answers when all its streams were cut."""
    from registry_proxy.control_client import ControlClient  # noqa: PLC0415  # the parent needs none of it
    from registry_proxy.gate import Gate  # noqa: PLC0415
    from registry_proxy.metering import Meter  # noqa: PLC0415
    from registry_proxy.settings import Settings  # noqa: PLC0415

    gate, heard = Gate(Meter()), [0.0]

    def deliver(item: Any) -> None:
        if getattr(item, "news", ()):
            heard[0] = time.monotonic()
        gate.deliver(item)

    client = ControlClient(Settings.from_environ(os.environ), Meter(), deliver)
    gate.start()
    client.start()
    busy = [asyncio.create_task(_work()) for _ in range(_BUSY_TASKS if is_busy else 0)]
    say({"ready": len(busy)})
    while line := await asyncio.to_thread(sys.stdin.readline):
        admission = await _admitted(gate, line.strip())
        cuts: list[float] = []
        done = asyncio.Event()

        def cut(_: Reason, cuts: list[float] = cuts, done: asyncio.Event = done) -> None:
            cuts.append(time.monotonic())
            if len(cuts) == streams:
                done.set()

        for _ in range(streams):
            gate.watch(admission, pull(), cut)
        say({"watching": streams})
        await done.wait()
        say({"heard": heard[0], "first": cuts[0], "last": cuts[-1]})


async def _admitted(gate: Any, token: str) -> Admission:
    while not isinstance(answer := gate.decide(token, pull()), Admission):  # noqa: ASYNC110  # the gate has no event
        await asyncio.sleep(0.01)
    return answer


async def _work() -> None:
    while True:
        until = time.perf_counter() + _BUSY_S
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(_REST_S)


def say(word: dict[str, float]) -> None:
    print(json.dumps(word), flush=True)


def measure(probe: subprocess.Popen[str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds by stage."""
    from django.db import transaction  # noqa: PLC0415  # needs django.setup()

    from jit_access.proxy_sessions import news, services  # noqa: PLC0415  # needs django.setup()

    assert probe.stdin is not None
    assert probe.stdout is not None
    publish, at = news.publish, {"xadd": 0.0, "commit": 0.0}

    def note_publish(messages: Any) -> list[str]:
        at["xadd"] = time.monotonic()
        return publish(messages)

    news.publish = note_publish
    found: dict[str, list[float]] = {stage: [] for stage in STAGES}
    probe.stdout.readline()
    for number in range(rounds):
        token = make_token()
        (view,) = services.put_views([make_view(token, grant_id=f"grt_{number}")])
        probe.stdin.write(f"{token}\n")
        probe.stdin.flush()
        probe.stdout.readline()
        time.sleep(_SETTLE_S)
        with transaction.atomic():
            transaction.on_commit(lambda: at.update(commit=time.monotonic(), xadd=0.0))
            services.put_views([closed(view)])
        seen = json.loads(probe.stdout.readline())
        xadd = at["xadd"] or at["commit"]  # the publisher's sweep was faster than our own way out
        marks = (at["commit"], xadd, seen["heard"], seen["first"], seen["last"])
        for stage, begin, end in zip(STAGES, marks, marks[1:], strict=False):
            found[stage].append((end - begin) * 1000)
        found[STAGES[-1]].append((marks[-1] - marks[0]) * 1000)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--probe", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        asyncio.run(listen(options.streams, options.busy))
        return
    from benchmarks.faults.world import running_world  # noqa: PLC0415  # the probe needs none of it

    with running_world() as world:
        own = {"JIT_CONTROL_URL": world.relay.url, "JIT_SPOOL_DIR": str(world.folder / "spool-probe")}
        command = [sys.executable, __file__, "--probe", "--streams", str(options.streams), *["--busy"][: options.busy]]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=os.environ | own, text=True) as probe:
            found = measure(probe, options.rounds)
            probe.kill()
    for stage, values in found.items():
        values.sort()
        p50, p99 = values[len(values) // 2], values[int(len(values) * 0.99)]
        print(f"{stage:20s} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms")


if __name__ == "__main__":
    main()

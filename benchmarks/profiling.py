"""Where the gateway's time goes, under the same loads: functions by py-spy, kernel and libraries by perf.

Neither runs during a measurement: both slow down what they look at.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.loads.wrk import run_wrk
from benchmarks.peers.base import Visit
from benchmarks.scenarios.base import Ground
from benchmarks.scenarios.blobs import download, upload
from benchmarks.scenarios.requests import TAIL

_RATE_HZ = 200
_SHOWN = 24
_LEAST_S = 5.0
_FRAME = re.compile(r"^(?P<name>.+) \((?P<file>[^()]*?)(?::\d+)?\)$")
_OURS = ("registry_proxy/", "jit_access/")
_PERF_LINE = re.compile(r"^\s+(\d+\.\d+)%\s+(\S+)\s+\[(.)\]\s+(.+?)\s*$")


def _request_small(ground: Ground, visit: Visit) -> None:
    seconds = max(_LEAST_S, ground.plan.seconds)
    run_wrk(ground.site, visit.door, TAIL, connections=32, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Occasion:
    """A load under which the gateway is looked at."""

    upstream: str
    load: Callable[[Ground, Visit], object]


OCCASIONS = {
    "requests, static": Occasion("static", _request_small),
    "requests, registry": Occasion("registry", _request_small),
    "download, registry": Occasion("registry", lambda ground, visit: list(download(is_tls=False)(ground, visit))),
    "download over TLS, registry": Occasion(
        "registry", lambda ground, visit: list(download(is_tls=True)(ground, visit))
    ),
    "upload, sink": Occasion("sink", lambda ground, visit: list(upload(is_tls=False)(ground, visit))),
}


def profile(ground: Ground, visit: Visit, occasion: Occasion) -> dict[str, list[str]]:
    """Lines per tool that is installed. The load runs once for each of them."""
    pid, found = visit.children[0].process.pid, {}
    for name, recorder in (("py-spy", _record_spy), ("perf", _record_perf)):
        finish = recorder(pid, ground.site.disk)
        if finish is None:
            found[name] = [f"{name} is not installed"]
            continue
        occasion.load(ground, visit)
        found[name] = finish()
    return found


def _record_spy(pid: int, folder: Path) -> Callable[[], list[str]] | None:
    beside = Path(sys.executable).with_name("py-spy")
    tool = str(beside) if beside.exists() else shutil.which("py-spy")
    if tool is None:
        return None
    output = folder / "py-spy.txt"
    flags = ("-r", str(_RATE_HZ), "-d", "3600", "-f", "raw", "-o", str(output), "--nonblocking")
    process = subprocess.Popen(
        [tool, "record", "--pid", str(pid), *flags], stdout=-3, stderr=-3, start_new_session=True
    )

    def finish() -> list[str]:
        process.send_signal(2)
        process.wait(timeout=60)
        return describe_stacks(output.read_text(encoding="utf-8").splitlines()) if output.exists() else ["no stacks"]

    return finish


def _record_perf(pid: int, folder: Path) -> Callable[[], list[str]] | None:
    tool = shutil.which("perf")
    if tool is None:
        return None
    output = folder / "perf.data"
    flags = ("-F", str(_RATE_HZ), "-e", "cpu-clock", "-p", str(pid), "-o", str(output))
    process = subprocess.Popen([tool, "record", *flags], stdout=-3, stderr=-3, start_new_session=True)

    def finish() -> list[str]:
        process.send_signal(2)
        process.wait(timeout=60)
        words = (tool, "report", "-i", str(output), "--stdio", "--no-children", "--sort", "dso,symbol", "-g", "none")
        answer = subprocess.run(words, check=False, capture_output=True, text=True)
        return describe_symbols(answer.stdout.splitlines())

    return finish


def describe_stacks(lines: Iterable[str]) -> list[str]:
    """Collapsed stacks as shares: of functions of ours with everything below them, and of whoever was at the top."""
    whole: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    total = 0
    for line in lines:
        stack, _, count = line.rpartition(" ")
        if not stack or not count.isdecimal():
            continue
        frames = [read_frame(frame) for frame in stack.split(";")]
        total += int(count)
        alone[frames[-1]] += int(count)
        for frame in set(frames):
            if frame.startswith(_OURS):
                whole[frame] += int(count)
    return [
        f"{total} samples; with everything that they call:",
        *_top(whole, total),
        "and by themselves, with the C code that they call:",
        *_top(alone, total),
    ]


def read_frame(text: str) -> str:
    """`name (/somewhere/registry_proxy/gate/gate.py:80)` as `registry_proxy/gate/gate.py name`: no machine paths."""
    found = _FRAME.match(text)
    if found is None:
        return text
    file = found["file"].replace("\\", "/")
    for root in _OURS:
        if root in file:
            return f"{file[file.rindex(root) :]} {found['name']}"
    if "site-packages/" in file:
        return f"{file.rpartition('site-packages/')[2]} {found['name']}"
    return f"{Path(file).name} {found['name']}"


def describe_symbols(lines: Iterable[str]) -> list[str]:
    """perf's own report: the share of the kernel, and the largest symbols."""
    rows = [found.groups() for line in lines if (found := _PERF_LINE.match(line))]
    kernel = sum(float(share) for share, _, level, _ in rows if level == "k")
    shown = [
        f"{float(share):5.1f}%  {Path(dso).name}  {symbol.split('  ')[0]}" for share, dso, _, symbol in rows[:_SHOWN]
    ]
    return [f"{kernel:.0f}% of the time in the kernel; the largest symbols:", *shown]


def _top(counts: Counter[str], total: int) -> list[str]:
    return [f"{count / total:6.1%}  {name}" for name, count in counts.most_common(_SHOWN)]

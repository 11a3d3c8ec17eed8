"""wrk (one thread) for small requests: it costs the other core less than anything written in Python would."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from benchmarks.packages import command
from benchmarks.peers.base import Door
from benchmarks.processes import CannotMeasure
from benchmarks.site import Site

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_LATENCY = re.compile(r"^\s+(50|99)%\s+([0-9.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_TOTAL = re.compile(r"^\s+(\d+) requests in ([0-9.]+)(us|ms|s|m),", re.MULTILINE)
_WRONG = re.compile(r"^\s*(Non-2xx or 3xx responses: .*|Socket errors: .*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Requests:
    """What wrk saw."""

    count: int
    seconds: float
    p50_ms: float
    p99_ms: float


def run_wrk(site: Site, door: Door, tail: str, *, connections: int, seconds: float) -> Requests:
    """GET the same thing again and again. Raises CannotMeasure unless every answer was a success."""
    headers = [part for name, value in door.headers.items() for part in ("-H", f"{name}: {value}")]
    words = (command("taskset"), "-c", str(site.cores.others), command("wrk"), "-t1", f"-c{connections}")
    # wrk knows whole seconds only
    flags = (f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "10s")
    address = f"http://127.0.0.1:{door.port}{door.path(tail)}"
    answer = subprocess.run([*words, *flags, *headers, address], check=False, capture_output=True, text=True)
    if answer.returncode:
        raise CannotMeasure(f"wrk failed: {answer.stderr.strip() or answer.stdout.strip()}")
    return parse_wrk(answer.stdout)


def parse_wrk(text: str) -> Requests:
    """Its report. Raises CannotMeasure when an answer was not a success, or when the report has another form."""
    wrong = _WRONG.search(text)
    if wrong:
        raise CannotMeasure(f"wrk: {wrong.group(1)}")
    total = _TOTAL.search(text)
    latency = {share: float(number) * _UNITS_MS[unit] for share, number, unit in _LATENCY.findall(text)}
    if total is None or latency.keys() != {"50", "99"} or int(total.group(1)) == 0:
        raise CannotMeasure("wrk reported no requests")
    seconds = float(total.group(2)) * _UNITS_MS[total.group(3)] / 1000
    return Requests(int(total.group(1)), seconds, latency["50"], latency["99"])

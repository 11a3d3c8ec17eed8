"""What a process tree used: the scheduler's CPU time and the peak of its memory.

CPU time of the gateway's own processes is the only figure that holds on a machine that others use too. It is read
from each process's CPU clock (the scheduler's run time, in nanoseconds, with the threads that ended), because
/proc/<pid>/stat counts in ticks of 10 ms.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_CPUCLOCK_SCHED = 2  # linux/posix-timers.h; a process's clock id is (~pid << 3) | 2
_RESET_PEAK = "5"  # proc(5): /proc/<pid>/clear_refs, resets VmHWM


@dataclass(frozen=True, slots=True)
class TreeMeter:
    """The processes below some roots, looked up at each reading: servers start their workers late."""

    roots: tuple[int, ...]

    def cpu_s(self) -> float:
        """CPU seconds that the living processes of the tree used so far."""
        return sum(_cpu_s(pid) for pid in self.pids())

    def rss_bytes(self) -> int:
        """Resident memory now, added up over the tree: shared pages count once per process."""
        return sum(_status_bytes(pid, "VmRSS") for pid in self.pids())

    def peak_rss_bytes(self) -> int:
        """The peaks since `reset_peak`, added up over the tree."""
        return sum(_status_bytes(pid, "VmHWM") for pid in self.pids())

    def reset_peak(self) -> None:
        """Forget earlier peaks."""
        for pid in self.pids():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")

    def pids(self) -> list[int]:
        """Roots and everything below them."""
        children = _children()
        found: list[int] = []
        waiting = list(self.roots)
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found


def core_busy_s(core: int) -> float:
    """Seconds that this core worked since the machine started, for whomever: shows who else was on it."""
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    line = next((line for line in lines if line.startswith(f"cpu{core} ")), "")
    if not line:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _cpu_s(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def _status_bytes(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return read_status_line(lines, name)


def read_status_line(lines: Iterable[str], name: str) -> int:
    """`VmHWM:     1234 kB` in bytes; 0 for a kernel thread or a zombie, which have none."""
    value = next((line.partition(":")[2] for line in lines if line.startswith(f"{name}:")), "0 kB")
    return int(value.split()[0]) * 1024


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            # The name in parentheses may hold anything, so the fields are counted from its end.
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            found.setdefault(int(fields[1]), []).append(int(entry.name))
    return found

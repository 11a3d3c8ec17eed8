"""Child processes that never outlive their parent, and a way to find them if the machine cannot promise that."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jit_access.demo.stack.layout import ROOT

IS_LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1  # prctl(2)
_STOP_WAIT_S = 12.0
_TAIL_BYTES = 4096


@dataclass(slots=True)
class Child:
    """One running process, leader of a group of its own so that Ctrl-C reaches only the supervisor."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def status(self) -> int | None:
        return self.process.poll()

    def signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """What a crash looks like."""
        self.signal_group(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask, wait, then insist; and end what it left behind."""
        self.signal_group(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=_STOP_WAIT_S)
        self.signal_group(signal.SIGKILL)
        self.process.wait()

    def log_tail(self, lines: int = 8) -> list[str]:
        """The end of its log, for people."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]


def start(name: str, command: tuple[str, ...], *, log: Path, env: Mapping[str, str]) -> Child:
    """Start one process, its output appended to `log`."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509  # the supervisor has no threads
        )
    finally:
        os.close(handle)
    return Child(name, process, log)


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux the kernel ends the child when its parent is gone, however it went."""
    if not IS_LINUX:
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the tie held
            os._exit(1)

    return tie


def write_pids(path: Path, children: list[Child]) -> None:
    """Remember who runs, with the time each began: a pid alone may belong to somebody else tomorrow."""
    facts = {child.process.pid: _began(child.process.pid) for child in children}
    path.write_text(json.dumps(facts), encoding="utf-8")


def end_leftovers(path: Path) -> int:
    """End the children of a supervisor that was killed where the kernel could not do it. Returns how many."""
    try:
        facts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    left = [int(pid) for pid, began in facts.items() if began and _began(int(pid)) == began]
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WAIT_S
    while any(_is_running(pid) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    path.unlink(missing_ok=True)
    return len(left)


def _is_running(pid: int) -> bool:
    return bool(_began(pid))


def _began(pid: int) -> str:
    """When the process started, in whatever form this system tells; empty when there is none (or a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if IS_LINUX:
        try:
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]  # proc(5): starttime is field 22
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return answer.stdout.strip()

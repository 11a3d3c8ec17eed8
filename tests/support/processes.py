"""Children of a test: started, waited for by a condition, and always ended."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_WAIT_S = 60.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.1


class NeverHappened(AssertionError):
    """A condition did not come true in time. Carries what was waited for."""


def wait_for(condition: Callable[[], object], what: str, *, timeout_s: float = LONGEST_WAIT_S) -> None:
    """Return as soon as `condition` holds. The timeout only bounds a failing run."""
    began = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - began
        if waited_s > timeout_s:
            raise NeverHappened(f"{what} did not happen within {timeout_s:g} s")
        # A tenth of the wait at most comes on top; who is waited for needs the processor more than who asks.
        time.sleep(min(max(waited_s / 10, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S))


def free_port() -> int:
    """A port that was free a moment ago, below the range that outgoing connections take theirs from."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def accepts(port: int) -> bool:
    """Does something listen on this loopback port?"""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@dataclass(slots=True)
class Child:
    """One process of the stack and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL to its whole group: what a crash looks like."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=LONGEST_WAIT_S)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for whoever does not listen."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
        with contextlib.suppress(ProcessLookupError):  # pool workers that outlived their parent
            os.killpg(self.process.pid, signal.SIGKILL)


def start(name: str, command: Sequence[str | Path], *, folder: Path, env: Mapping[str, str] | None = None) -> Child:
    """Start one process in a group of its own, its output in `folder`/`name`.log."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    return Child(name, process, log)


def wait_ready(child: Child, condition: Callable[[], object], *, timeout_s: float = LONGEST_WAIT_S) -> Child:
    """Wait until the child works; a child that died or never works is shown with the end of its log."""
    try:
        wait_for(lambda: condition() or not child.is_alive, f"{child.name} ready", timeout_s=timeout_s)
    except NeverHappened as exc:
        child.stop()
        raise NeverHappened(f"{exc}\n{child.log_text()[-4000:]}") from None
    if not child.is_alive:
        raise NeverHappened(f"{child.name} ended with {child.process.returncode}\n{child.log_text()[-4000:]}")
    return child


@contextlib.contextmanager
def running(child: Child) -> Iterator[Child]:
    """Stop the child whatever happens."""
    try:
        yield child
    finally:
        child.stop()


def sizes_below(folder: Path, pattern: str) -> list[int]:
    """Bytes of each file of that name below a folder that others write and remove at the same time."""
    found = []
    for place, _, names in os.walk(folder):  # passes over what is gone
        for name in fnmatch.filter(names, pattern):
            with contextlib.suppress(FileNotFoundError):
                found.append((Path(place) / name).stat().st_size)
    return found

"""Processes of a visit: pinned to a core, waited for by a condition, and always ended."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.meters import TreeMeter
from benchmarks.packages import command
from jit_access.demo.stack.children import Child, start

READY_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.01


class CannotMeasure(Exception):
    """This visit cannot give a number that may be trusted. The text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: the measured tree is alone on its core, everything else shares the other one."""

    measured: int = 1
    others: int = 0


def refuse_served(*ports: int) -> None:
    """A server left over from an interrupted run would share the port (SO_REUSEPORT) and half of the work.

    Raises CannotMeasure.
    """
    for port in ports:
        if is_served(port):
            raise CannotMeasure(f"port {port} is already served by somebody else")


def is_served(port: int) -> bool:
    """Does something accept connections on this loopback port?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float = READY_WITHIN_S) -> None:
    """Raises CannotMeasure when it does not come true."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise CannotMeasure(f"{what} did not happen within {within_s:g} s")
        time.sleep(_LOOK_EVERY_S)


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts processes on one core, with their output in a folder."""

    folder: Path
    core: int

    def start(self, name: str, arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Child:
        """Start at once; the caller waits until it works. The child dies with us."""
        log = self.folder / f"{name}.log"
        log.unlink(missing_ok=True)
        pinned = (command("taskset"), "-c", str(self.core), *arguments)
        return start(name, pinned, log=log, env={**os.environ, **(env or {})})

    def serve(self, name: str, arguments: Sequence[str], port: int, env: Mapping[str, str] | None = None) -> Child:
        """Start a server and wait until its port answers. Raises CannotMeasure."""
        refuse_served(port)
        child = self.start(name, arguments, env)
        wait_served(child, port)
        return child


def wait_served(child: Child, port: int) -> None:
    """Wait until it accepts; a server that ended or never came is stopped and shown. Raises CannotMeasure."""
    try:
        wait_until(lambda: child.status is not None or is_served(port), f"{child.name} ready")
        if child.status is not None:
            raise CannotMeasure(f"{child.name} ended with {child.status}: {' | '.join(child.log_tail(4))}")
    except CannotMeasure:
        child.stop()
        raise


def meter_of(*children: Child) -> TreeMeter:
    """The meter over these processes and their workers."""
    return TreeMeter(tuple(child.process.pid for child in children))

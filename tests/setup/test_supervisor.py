"""Started in order, watched, started again, stopped in reverse; what fails is shown with the end of its log."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.bootstrap.terminal import Terminal
from jit_access.demo.stack.layout import Layout, Ports
from jit_access.demo.stack.services import Service
from jit_access.demo.stack.supervisor import Stopped, Supervisor
from tests.support.processes import wait_for

PORTS = Ports.from_base(8000)


def service(name: str, code: str, is_ready: Callable[[], bool] = lambda: True) -> Service:
    return Service(name, (sys.executable, "-c", code), is_ready)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "var", PORTS)
    made.make_folders()
    return made


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(layout: Layout, screen: io.StringIO) -> Iterator[Supervisor]:
    made = Supervisor(layout, os.environ, Terminal(screen, has_signs=False, has_colour=False))
    yield made
    made.stop_all()


SLEEP = "import time; time.sleep(600)"


def test_stop_is_in_reverse(supervisor: Supervisor, screen: io.StringIO) -> None:
    supervisor.bring_up([service("valkey", SLEEP)])
    supervisor.bring_up([service("web", SLEEP)])
    supervisor.stop_all()
    assert screen.getvalue().splitlines() == [
        "[ok] valkey is ready",
        "[ok] web is ready",
        "[..] web stopped",
        "[..] valkey stopped",
    ]


def test_death_while_starting_is_told_with_the_log(supervisor: Supervisor, screen: io.StringIO) -> None:
    with pytest.raises(CannotGoOn, match="web ended while starting"):
        supervisor.bring_up([service("web", "raise SystemExit('no such table')", lambda: False)])
    assert "    no such table" in screen.getvalue()


def test_failed_step_is_told_with_the_log(supervisor: Supervisor, screen: io.StringIO) -> None:
    with pytest.raises(CannotGoOn, match="prepare failed"):
        supervisor.run_to_end(service("prepare", "raise SystemExit('half a migration')"))
    assert "half a migration" in screen.getvalue()


def test_step_that_ends_well_lets_the_rest_go_on(supervisor: Supervisor) -> None:
    supervisor.run_to_end(service("prepare", "pass"))


def test_dead_child_is_started_again(supervisor: Supervisor, screen: io.StringIO) -> None:
    supervisor.bring_up([service("worker", SLEEP)])
    first = supervisor.child("worker")
    first.kill()
    with Watching(supervisor):
        wait_for(lambda: "starting it again" in screen.getvalue(), "a restart")
        wait_for(lambda: _is_another(supervisor, first.process.pid), "a new process")


def test_child_that_keeps_dying_stops_everything(supervisor: Supervisor) -> None:
    supervisor.bring_up([service("worker", "pass")])
    with pytest.raises(CannotGoOn, match="worker keeps ending"):
        supervisor.watch()


def test_signal_ends_the_watch(supervisor: Supervisor) -> None:
    supervisor.bring_up([service("worker", SLEEP)])
    supervisor._on_signal(signal.SIGTERM, None)
    with pytest.raises(Stopped):
        supervisor.watch()


class Watching:
    """The watch in a thread, ended as a signal would."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        try:
            self._supervisor.watch()
        except Stopped:
            return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._supervisor._on_signal(signal.SIGTERM, None)
        self._thread.join(timeout=60)


def _is_another(supervisor: Supervisor, pid: int) -> bool:
    try:
        return supervisor.child("worker").process.pid != pid
    except StopIteration:
        return False

"""No process of the stack outlives its supervisor, and nobody else's is ended by mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_access.demo.stack.children import IS_LINUX, Child, end_leftovers, start, write_pids
from jit_access.demo.stack.lockfile import StackLock
from tests.support.processes import wait_for

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
PARENT = """
import os, sys, time
from pathlib import Path
from jit_access.demo.stack.children import start
child = start("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"), log=Path(sys.argv[1]), env=os.environ)
print(child.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    started = start("sleeper", SLEEP, log=tmp_path / "sleeper.log", env=os.environ)
    yield started
    started.kill()


@pytest.mark.skipif(not IS_LINUX, reason="other kernels have no parent-death signal; `dev.py down` cleans up there")
def test_kill_of_the_supervisor_leaves_no_child(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _is_running(pid)
        parent.send_signal(signal.SIGKILL)
    wait_for(lambda: not _is_running(pid), "the child ended")


def test_leftovers_of_a_killed_supervisor_are_ended(child: Child, tmp_path: Path) -> None:
    write_pids(tmp_path / "children.json", [child])
    child.process.poll()
    assert end_leftovers(tmp_path / "children.json") == 1
    assert child.process.wait(timeout=60) != 0


def test_process_that_took_over_the_pid_is_left_alone(child: Child, tmp_path: Path) -> None:
    write_pids(tmp_path / "children.json", [child])
    facts = json.loads((tmp_path / "children.json").read_text())
    (tmp_path / "children.json").write_text(json.dumps(dict.fromkeys(facts, "another time")))
    assert end_leftovers(tmp_path / "children.json") == 0
    assert child.status is None


def test_only_one_stack_runs_in_a_folder(tmp_path: Path) -> None:
    first, second = StackLock(tmp_path), StackLock(tmp_path)
    assert not second.is_held()
    assert first.take()
    assert second.is_held()
    assert not second.take()


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

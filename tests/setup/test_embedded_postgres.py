"""The child that keeps the embedded PostgreSQL: it ends when it is told to, and when its server has ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import wait_for


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own folder: run as root, the server belongs to an account that may not enter that one."""
    path = Path(tempfile.mkdtemp(prefix="jit-pg-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def keeper(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = (sys.executable, "-m", "jit_access.demo.stack.postgres", str(folder / "data"), str(folder / "address"))
    process = subprocess.Popen(words)
    wait_for(lambda: (folder / "address").exists() or process.poll() is not None, "it serves")
    yield process
    process.terminate()
    process.wait()


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def test_it_ends_with_its_server(keeper: subprocess.Popen[bytes], folder: Path) -> None:
    """Else the supervisor sees a living child and never starts the database again."""
    os.kill(postmaster(folder), signal.SIGKILL)
    wait_for(lambda: keeper.poll() is not None, "it noticed")
    assert keeper.returncode == 1


def test_it_stops_its_server_when_it_is_told_to_end(keeper: subprocess.Popen[bytes], folder: Path) -> None:
    keeper.terminate()
    wait_for(lambda: keeper.poll() is not None, "it ended")
    assert keeper.returncode == 0
    assert not (folder / "data" / "postmaster.pid").exists()

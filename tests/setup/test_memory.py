"""A plain `manage.py` in development works on the stack that `up` made, and on no mixture of two."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jit_access.demo.stack.keys import ensure_keys
from jit_access.demo.stack.layout import ROOT, Layout, Ports
from jit_access.demo.stack.memory import adopted_environment, remember, remembered


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "var", Ports.from_base(9000), has_demo=False)
    made.make_folders()
    ensure_keys(made)
    return made


def test_what_was_up_is_remembered(layout: Layout) -> None:
    assert remembered(layout.var) != layout
    remember(layout)
    assert remembered(layout.var) == layout


def test_manage_adopts_the_stack_that_was_up(layout: Layout) -> None:
    remember(layout)
    adopted = adopted_environment({"PATH": os.defpath, "JIT_LOG_LEVEL": "ERROR"}, layout.var)
    assert adopted is not None
    assert adopted["JIT_DATABASE_URL"] == f"sqlite:///{layout.var / 'jit.sqlite3'}"
    assert adopted["JIT_PUBLIC_URL"] == "http://localhost:9000"
    assert adopted["JIT_SECRET_KEY_FILE"] == str(layout.secrets / "secret_key")


@pytest.mark.parametrize("name", ["JIT_SECRET_KEY", "JIT_SECRET_KEY_FILE", "JIT_DATABASE_URL", "JIT_ENV"])
def test_one_setting_of_their_own_keeps_the_stack_out(layout: Layout, name: str) -> None:
    remember(layout)
    assert adopted_environment({name: "theirs"}, layout.var) is None


def test_nothing_is_adopted_before_the_first_up(layout: Layout) -> None:
    assert adopted_environment({}, layout.var) is None


def run_manage(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """From a copy of the two files that it needs, so that no stack of this checkout is touched."""
    shutil.copy(ROOT / "manage.py", folder)
    shutil.copytree(ROOT / "jit_access" / "demo", folder / "jit_access" / "demo")
    (folder / "jit_access" / "__init__.py").touch()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JIT_", "DJANGO_"))}
    command = [sys.executable, *flags, "manage.py", "audit", "verify"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_before_the_first_up_it_is_one_line_that_says_what_to_run(tmp_path: Path) -> None:
    for name in ("domain", "core", "config"):
        shutil.copytree(ROOT / "jit_access" / name, tmp_path / "jit_access" / name)
    done = run_manage(tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "JIT_SECRET_KEY (or JIT_SECRET_KEY_FILE) is not set. `python3 dev.py up` makes what development needs: "
        "run it first.\n"
    )


def test_missing_django_is_one_line_that_says_what_to_run(tmp_path: Path) -> None:
    done = run_manage(tmp_path, "-S")  # without site-packages, as a system Python is
    assert done.returncode == 1
    assert done.stderr == "Django is not installed for this Python. Use: python3 dev.py manage audit verify\n"

"""The door itself: it answers in one line, whatever is wrong, and never with a traceback."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from jit_access.demo.bootstrap import install
from jit_access.demo.bootstrap.commands import run
from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.bootstrap.install import House, ensure_installed
from jit_access.demo.bootstrap.terminal import terminal_for

ROOT = Path(__file__).resolve().parents[2]
AS_OLD_PYTHON = "import runpy, sys; sys.version_info = (3, 8, 2); runpy.run_path('dev.py', run_name='__main__')"


def test_old_python_is_told_in_one_line() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", AS_OLD_PYTHON], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr.splitlines() == [
        "Python 3.11 or newer is needed, this one is 3.8.2. Try: python3.12 dev.py up",
    ]


def test_door_is_readable_for_old_pythons() -> None:
    ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_bootstrap_needs_the_standard_library_only() -> None:
    """Nothing is installed yet when it runs."""
    code = "import sys; sys.path.insert(0, '.'); import jit_access.demo.bootstrap.commands"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, check=True)


def test_production_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JIT_ENV", "production")
    assert run(["up"]) == 2
    assert "never runs there" in capsys.readouterr().err


def test_unknown_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--hurry"]) == 2
    assert "--hurry" in capsys.readouterr().err


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "requirements").mkdir()
    for group in ("demo", "dev", "bootstrap"):
        (tmp_path / "requirements" / f"{group}.txt").write_text("# nothing to install\n")
    return House(tmp_path)


def test_missing_ensurepip_names_what_to_install(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "find_uv", lambda _house=None: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(CannotGoOn, match="Install python3-venv"):
        ensure_installed(house, "demo", terminal_for())


def test_missing_lock_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotGoOn, match=r"demo\.txt is missing"):
        ensure_installed(House(tmp_path), "demo", terminal_for())


def test_unchanged_lock_is_not_installed_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend_venv(house)
    installed: list[Path] = []
    monkeypatch.setattr(install, "_install", lambda _house, lock, _uv: installed.append(lock))
    monkeypatch.setattr(install, "find_uv", lambda _house=None: "uv")
    ensure_installed(house, "dev", terminal_for())
    ensure_installed(house, "dev", terminal_for())
    ensure_installed(house, "demo", terminal_for())  # dev holds all of demo
    assert installed == [house.lock("dev")]
    house.lock("dev").write_text("# something new\n")
    ensure_installed(house, "dev", terminal_for())
    assert len(installed) == 2


def _pretend_venv(house: House) -> None:
    house.python.parent.mkdir(parents=True)
    house.python.symlink_to(sys.executable)

"""Fills `.venv` from a hash-pinned lock: with uv where there is one, with pip where there is not.

A stamp remembers which lock was installed, so that a second start costs nothing. The index is whatever this
machine is set up for; the hashes in the lock are what makes the bytes trusted.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.bootstrap.terminal import Mark, Terminal

# A group that holds all of another one makes installing that one needless.
_HOLDS = {"dev": {"demo"}}


@dataclass(frozen=True, slots=True)
class House:
    """Where things are in a checkout."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def lock(self, group: str) -> Path:
        return self.root / "requirements" / f"{group}.txt"


def ensure_installed(house: House, group: str, terminal: Terminal) -> None:
    """Afterwards `.venv` holds exactly what the lock of `group` names. Raises: CannotGoOn."""
    stamp = _stamp_of(house.lock(group))
    stamps = _read_stamps(house)
    if stamps.get(group) == stamp and _venv_works(house):
        return
    uv = find_uv()
    if not _venv_works(house):
        stamps = {}
        terminal.say(Mark.WAITING, "Making .venv")
        _make_venv(house, uv)
    terminal.say(Mark.WAITING, f"Installing what requirements/{group}.txt names")
    _install(house, house.lock(group), uv or _bootstrap_uv(house))
    for covered in {group} | _HOLDS.get(group, set()):
        stamps[covered] = _stamp_of(house.lock(covered))
    _stamps_file(house).write_text(json.dumps(stamps), encoding="utf-8")
    terminal.say(Mark.DONE, "Everything is installed in .venv")


def find_uv(house: House | None = None) -> str | None:
    """The uv on PATH, or the one that an earlier bootstrap left in `.venv`."""
    found = shutil.which("uv")
    if found is None and house is not None and (house.venv / "bin" / "uv").exists():
        return str(house.venv / "bin" / "uv")
    return found


def _make_venv(house: House, uv: str | None) -> None:
    shutil.rmtree(house.venv, ignore_errors=True)
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(house.venv)], "uv could not make .venv")
        return
    if importlib.util.find_spec("ensurepip") is None:
        raise CannotGoOn("This Python has no ensurepip. Install python3-venv with your package manager, or uv.")
    try:
        venv.create(house.venv, with_pip=True)
    except (subprocess.CalledProcessError, OSError):
        shutil.rmtree(house.venv, ignore_errors=True)
        raise CannotGoOn("Making .venv failed. Install python3-venv with your package manager, or uv.") from None


def _bootstrap_uv(house: House) -> str | None:
    """uv takes 5 s where pip takes 60, so it is worth fetching first. None where no wheel of it fits this machine."""
    lock = house.lock("bootstrap")
    command = [*_pip(house), "--only-binary=:all:", "-r", str(lock)]
    if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
        return None
    return find_uv(house)


def _install(house: House, lock: Path, uv: str | None) -> None:
    if uv is not None:
        fast = [uv, "pip", "install", "--quiet", "--python", str(house.python), "--require-hashes", "-r", str(lock)]
        if subprocess.run(fast, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return
    if not _has_pip(house):
        _run([uv or "uv", "pip", "install", "--quiet", "--python", str(house.python), "pip"], "pip is missing in .venv")
    _run([*_pip(house), "-r", str(lock)], "Installing failed. Is a package index within reach?")


def _pip(house: House) -> list[str]:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    return [str(house.python), "-m", "pip", "install", *quiet, "--require-hashes"]


def _has_pip(house: House) -> bool:
    probe = [str(house.python), "-c", "import pip"]
    return subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 0


def _venv_works(house: House) -> bool:
    """A venv of another or a removed Python is as good as none."""
    if not house.python.exists():
        return False
    probe = [str(house.python), "-c", "import sys; print(sys.version_info >= (3, 11))"]
    answer = subprocess.run(probe, check=False, capture_output=True, text=True)
    return answer.stdout.strip() == "True"


def _run(command: list[str], failure: str) -> None:
    try:
        subprocess.run(command, check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    except subprocess.CalledProcessError:
        raise CannotGoOn(failure) from None


def _stamp_of(lock: Path) -> str:
    if not lock.exists():
        raise CannotGoOn(f"{lock.name} is missing from requirements/. Is this a whole checkout?")
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _stamps_file(house: House) -> Path:
    return house.venv / "installed.json"


def _read_stamps(house: House) -> dict[str, str]:
    try:
        stamps: dict[str, str] = json.loads(_stamps_file(house).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps

"""The system's parts: installed as root, named in one line to everybody else, left alone when they are there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from jit_access.demo.bootstrap import parts
from jit_access.demo.bootstrap.terminal import terminal_for

APT = """#!/bin/sh
echo "$@" >> {log}
[ "$1" = "{fails}" ] && exit 100
exit 0
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but an apt-get that writes down what it was asked."""
    put_apt(tmp_path, fails="nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(parts.os, "geteuid", lambda: 0)
    return tmp_path / "log"


def put_apt(folder: Path, *, fails: str) -> None:
    file = folder / "apt-get"
    file.write_text(APT.format(log=folder / "log", fails=fails), encoding="utf-8")
    file.chmod(0o755)


def ensure() -> tuple[bool, str]:
    said = io.StringIO()
    return parts.ensure_parts(terminal_for(said)), said.getvalue()


def test_root_gets_what_is_missing(log: Path) -> None:
    is_complete, said = ensure()
    assert is_complete
    assert "docker-registry, skopeo, chromium, openssl, git" in said
    steps = log.read_text(encoding="utf-8").splitlines()
    assert [step.split()[0] for step in steps] == ["update", "install"]
    assert "skopeo" in steps[1]


def test_what_is_there_is_left_alone(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PARTS", {"apt-get": "apt"})
    assert ensure() == (True, "")
    assert not log.exists()


def test_others_are_told_what_to_install(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts.os, "geteuid", lambda: 1000)
    is_complete, said = ensure()
    assert not is_complete
    assert "apt-get install docker-registry skopeo" in said
    assert not log.exists()


def test_failing_installer_is_one_line(log: Path, tmp_path: Path) -> None:
    put_apt(tmp_path, fails="install")
    is_complete, said = ensure()
    assert not is_complete
    assert "apt-get install failed" in said.splitlines()[-1]

"""What `pip install .` brings: the command, which runs where nothing else is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from jit_access.cli.version import VERSION
from jit_access.demo.stack.layout import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what is in the repository, as pip does it, without asking an index."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "jit_access", "registry_proxy"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in [*listed.split("\0")[:-1], "pyproject.toml", "README.md"]:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    built = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, built], cwd=source, check=True, capture_output=True)
    return next(built.glob("*.whl"))


def test_wheel_needs_nothing_and_names_the_server_as_an_extra(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        facts = message_from_bytes(archive.read(name))
        entries = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    needs = facts.get_all("Requires-Dist") or []
    assert facts["Version"] == VERSION
    assert facts.get_all("Provides-Extra") == ["server"]
    assert [line for line in needs if "extra ==" not in line] == []
    assert any(line.startswith("django<") for line in needs)
    assert "jit = jit_access.cli.main:main" in entries


def test_command_runs_where_django_is_not(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True, capture_output=True)
    assert [path.name for path in Path(site).iterdir() if path.name.startswith(("django", "httpx"))] == []
    env = {"PATH": f"{tmp_path}/venv/bin:{os.environ['PATH']}", "HOME": str(tmp_path)}
    ran = {word: subprocess.run(["jit", word], env=env, capture_output=True, text=True, check=False) for word in
           ("--help", "--version", "status")}  # fmt: skip
    assert "Get access:" in ran["--help"].stdout
    assert ran["--version"].stdout == f"jit {VERSION}\n"
    assert ran["status"].returncode == 2
    assert ran["status"].stderr.startswith("✗ No gateway is named.")


def test_locks_are_compiled_from_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == []
    base = (ROOT / "requirements/base.txt").read_text(encoding="utf-8")
    wanted = [line.partition(">")[0].partition("[")[0].partition("<")[0].strip() for line in
              project["optional-dependencies"]["server"]]  # fmt: skip
    assert len(wanted) > 20
    assert [name for name in wanted if f"\n{name}" not in f"\n{base}"] == []

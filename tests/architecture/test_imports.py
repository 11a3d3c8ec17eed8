"""Imports go down the floors, and the data plane stays free of Django."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

PROXY = "registry_proxy.server"
LISTENER = "registry_proxy.server.listener"  # loaded with it, so the look is not at an empty package
_LOADED = "import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"


def test_import_contracts_hold() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("foreign", ["django", "celery", "rest_framework", "psycopg", "cedarpy"])
def test_proxy_server_loads_no_control_plane_library(foreign: str) -> None:
    loaded = _modules_loaded_by(PROXY)
    assert LISTENER in loaded
    assert not [name for name in loaded if name.split(".")[0] == foreign]


def test_proxy_loads_only_the_domain_of_the_control_plane() -> None:
    ours = [name for name in _modules_loaded_by(PROXY) if name.startswith("jit_access.")]
    assert ours
    assert not [name for name in ours if not name.startswith("jit_access.domain")]


def test_look_at_loaded_modules_would_notice_django() -> None:
    assert "django" in _modules_loaded_by("jit_access.core.redis")


@pytest.mark.parametrize("package", ["jit_access/__init__.py", "jit_access/config/__init__.py"])
def test_package_roots_hold_no_code(package: str) -> None:
    """One import there drags Django into the proxy, or Celery into manage.py."""
    assert (ROOT / package).read_text(encoding="utf-8").strip() == ""


def _modules_loaded_by(module: str) -> list[str]:
    command = [sys.executable, "-c", _LOADED.format(module=module)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names: list[str] = json.loads(answer.stdout)
    return names

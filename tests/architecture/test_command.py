"""`jit` runs on a machine that has nothing but Python, and starts at once."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.sources import ROOT, python_files, relative, tree_of

OWN = "jit_access.cli"
# Asked for by `--keyring` alone, and told about when it is not there.
_OPTIONAL = frozenset({"keyring"})
# What takes longest to load. A helper that docker starts for each pull loads none of it before it is needed.
SLOW = ("http.client", "ssl", "subprocess", "email", "dataclasses", "inspect", "webbrowser", "http.server", "asyncio")


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def foreign(tree: ast.Module) -> list[str]:
    """What is imported that is neither the standard library nor the command itself."""
    return [
        name
        for name in imports_of(tree)
        if name.split(".")[0] not in sys.stdlib_module_names | _OPTIONAL
        and name != OWN
        and not name.startswith(f"{OWN}.")
    ]


def test_command_imports_the_standard_library_alone() -> None:
    files = python_files("jit_access/cli")
    assert len(files) > 10
    assert [f"{relative(path)}: {name}" for path in files for name in foreign(tree_of(path))] == []


@pytest.mark.parametrize("line", ["import httpx", "from jit_access.domain import reasons", "import jit_access.client"])
def test_foreign_import_is_noticed(line: str) -> None:
    assert foreign(ast.parse(line))


def test_nobody_imports_the_command() -> None:
    users = [
        relative(path)
        for path in python_files("jit_access", "registry_proxy")
        if not relative(path).startswith("jit_access/cli/")
        and any(name == OWN or name.startswith(f"{OWN}.") for name in imports_of(tree_of(path)))
    ]
    assert users == []


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["completion", "bash"]])
def test_what_needs_no_gateway_loads_nothing_slow(arguments: list[str]) -> None:
    loaded = modules_loaded_by(arguments)
    assert [name for name in SLOW if name in loaded] == []
    assert "jit_access.cli.main" in loaded


def modules_loaded_by(arguments: list[str]) -> frozenset[str]:
    code = (
        "import json, sys\n"
        "from jit_access.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    # -I and -S: what this machine's site-packages load at start is not the command's.
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return frozenset(json.loads(answer.stderr.splitlines()[-1]))

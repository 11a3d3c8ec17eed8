"""What a protocol means is known in `protocols/` alone, and what decides there waits for nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from registry_proxy.protocols.dialect import Dialect
from registry_proxy.protocols.dialects import make_dialects
from tests.architecture.sources import python_files, relative, tree_of

PROTOCOLS = "registry_proxy/protocols/"
# Names of protocols, of their clients and of their fields, with whatever follows them; comments count too.
WORDS = re.compile(
    r"(?<![a-z])(?:hf|hub|hugging|s3(?![0-9])|amz|boto|mlflow|oci|docker|skopeo|oras)|/v2/|/api/2", re.IGNORECASE
)
# The rooms that every protocol passes through, and how many lines are enough for all protocols there are. One that
# grows past this has begun to know what it carries.
ENOUGH_LINES = {"exchange": 800, "gate": 750, "edge": 350, "server": 2200}
# What has no socket, no file, no clock and no thread. Of `time`, a dialect takes the clock that ages its memory; of
# AWS's library, functions that sum bytes.
PURE = frozenset(
    {"__future__", "base64", "binascii", "collections", "cryptography", "dataclasses", "datetime", "enum", "functools",
     "hashlib", "hmac", "httptools", "ipaddress", "itertools", "json", "re", "secrets", "types", "typing", "urllib",
     "zlib"}
)  # fmt: skip
OURS = ("registry_proxy.exchange", "registry_proxy.protocols", "jit_access.domain")
CLOCKED = {"time": "monotonic", "awscrt": "checksums"}
NOW = frozenset({"now", "utcnow", "today"})


def test_no_protocol_is_known_outside_its_room() -> None:
    rooms = [path for path in python_files("registry_proxy") if not relative(path).startswith(PROTOCOLS)]
    assert [f"{relative(path)}:{number}: {word}" for path in rooms for number, word in known(path)] == []


@pytest.mark.parametrize(
    "line",
    ['if kind == "hf":', "ping = b'/v2/'", "from registry_proxy.protocols.oci.errors import error_answer", "OciDialect",
     "class HubSide:", '(b"docker-distribution-api-version", b"")', "# as skopeo does", 'b"x-amz-date"', "is_s3"],
)  # fmt: skip
def test_known_protocol_is_noticed(line: str) -> None:
    assert WORDS.search(line)


@pytest.mark.parametrize("line", ["# Oracle's metadata", "# noqa: S311", "chunk = read_half()", "GitHub"])
def test_other_words_are_fine(line: str) -> None:
    assert not WORDS.search(line)


@pytest.mark.parametrize("dialect", make_dialects(bytes(32)).all, ids=lambda item: item.kind)
def test_every_kind_is_among_the_words(dialect: Dialect) -> None:
    assert WORDS.search(dialect.kind)


@pytest.mark.parametrize("room", ENOUGH_LINES)
def test_rooms_that_carry_every_protocol_stay_small(room: str) -> None:
    files = python_files(f"registry_proxy/{room}")
    assert files
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= ENOUGH_LINES[room]


@pytest.mark.parametrize("room", ["exchange", "protocols"])
def test_what_decides_reaches_for_nothing(room: str) -> None:
    """No socket, no file, no thread, no clock of its own, and nothing to wait for: events in, commands out."""
    files = python_files(f"registry_proxy/{room}")
    assert files
    assert [f"{relative(path)}: {what}" for path in files for what in impurities(tree_of(path))] == []


@pytest.mark.parametrize(
    "code",
    ["import socket", "import asyncio", "from pathlib import Path", "from time import time", "import time\ntime.time()",
     "from urllib.request import urlopen", "async def f(): ...", "async def f():\n    await x", "open('x')",
     "from registry_proxy.upstream.client import UpstreamClient", "from datetime import datetime\ndatetime.now()",
     "print('x')", "import os", "from awscrt import io", "from awscrt.http import HttpClientConnection"],
)  # fmt: skip
def test_reaching_out_is_noticed(code: str) -> None:
    assert impurities(ast.parse(code))


def known(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(number, word[0]) for number, line in enumerate(lines, start=1) for word in WORDS.finditer(line)]


def impurities(tree: ast.Module) -> list[str]:
    return [found for node in ast.walk(tree) if (found := _impurity(node))]


def _impurity(node: ast.AST) -> str:
    match node:
        case ast.Import() | ast.ImportFrom():
            return _import_of(node)
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            is_clock = (name in CLOCKED and attr != CLOCKED[name]) or (name in ("datetime", "date") and attr in NOW)
            return f"{name}.{attr}" if is_clock else ""
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            return "it waits"
        case ast.Call(func=ast.Name(id="open" | "print" | "input" | "exec" | "eval" as name)):
            return f"{name}()"
        case _:
            return ""


def _import_of(node: ast.Import | ast.ImportFrom) -> str:
    """What of an import is not pure, if anything."""
    if isinstance(node, ast.Import):
        return next((item.name for item in node.names if not _is_pure(item.name) and item.name not in CLOCKED), "")
    module = node.module or ""
    if module in CLOCKED:
        return next((item.name for item in node.names if item.name != CLOCKED[module]), "")
    return "" if _is_pure(module) else module


def _is_pure(module: str) -> bool:
    return module.startswith(OURS) or (module.partition(".")[0] in PURE and module != "urllib.request")

"""Commands out of a document, as a reader would copy them, and a shell that runs them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from jit_access.demo.stack.layout import ROOT
from tests.support.visitor import Visitor

DOCS = ROOT / "docs"


def blocks(document: str, language: str) -> list[str]:
    """Every block of a language, in order."""
    text = (DOCS / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def typed(block: str) -> list[str]:
    """What somebody types at each prompt of a `console` block, with the lines that go on below it."""
    commands: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif commands and line.startswith("  "):
            commands[-1] += f"\n{line}"
    return commands


def shell(
    script: str, folder: Path, *, stdin: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One bash that stops at the first command that fails. Its home is empty."""
    given = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)} | dict(env or {})
    words = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(
        words, cwd=folder, env=given, input=stdin, capture_output=True, text=True, timeout=300, check=False
    )


def session_headers(person: Visitor) -> str:
    """A header file for `curl -H @headers`: the session of a browser, instead of an API token."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.client.cookies.jar)
    fields = {
        "Cookie": cookies,
        "X-CSRFToken": person.client.cookies.get("csrftoken") or "",
        "Origin": person.stack.web,
        "Referer": person.stack.web,
        "Content-Type": "application/json",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())

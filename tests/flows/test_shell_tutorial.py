"""The tutorial for the shell, block by block, with Ben answering where it says that he does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jit_access.demo.stack.layout import ROOT
from tests.support import stories
from tests.support.at_terminal import Seat
from tests.support.stack import Stack
from tests.support.visitor import Visitor

TUTORIAL = ROOT / "docs" / "tutorial" / "from-the-shell.md"
ASKS = "llm/tiny-llama:v1 --for"


def test_ada_and_ben_stay_in_their_terminals(stack: Stack, visit: Callable[[str], Visitor], tmp_path: Path) -> None:
    seat = Seat(tmp_path, stack.web)
    seat.sign_in(visit("ada"))
    program = tmp_path / "bin" / "jit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m jit_access.cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = seat.environment()
    environment["PATH"] = f"{program.parent}:{environment['PATH']}"
    blocks = re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True,
            check=False, timeout=180,
        )  # fmt: skip
        assert ran.returncode == 0, block + ran.stdout + ran.stderr
        if ASKS in block:
            asked = re.search(r"req_[a-z2-7]{20}", ran.stderr)
            assert asked, ran.stderr
            stories.approve(visit("ben"), asked[0])
    assert (tmp_path / "base" / "manifest.json").exists()
    assert (tmp_path / "tiny" / "manifest.json").exists()

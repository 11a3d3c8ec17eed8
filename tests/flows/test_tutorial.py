"""The tutorial, pasted block by block into one shell, against the running gateway."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from jit_access.demo.stack.layout import ROOT
from tests.support.stack import Stack

TUTORIAL = ROOT / "docs" / "tutorial" / "an-agent-pulls.md"


def test_an_agent_pulls_as_the_tutorial_says(stack: Stack, tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    demo = tmp_path / "demo.json"
    demo.write_text(json.dumps(stack.demo), encoding="utf-8")
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"export DEMO={demo} TMPDIR={tmp_path}\n" + "\n".join(blocks)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

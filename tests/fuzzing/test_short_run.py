"""A short run of the fuzzer over every reading; `python3 dev.py fuzz` runs it for as long as one likes."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzing.readings import READINGS
from tests.support.effort import at_length

RUNS = at_length(60_000, 10_000)
HOUSE = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="atheris has wheels for Linux on x86_64 only; the corpus is read everywhere",
)
@pytest.mark.parametrize("reading", sorted(READINGS))
def test_fuzzer_finds_nothing(reading: str) -> None:
    command = [sys.executable, "-m", "tests.fuzzing", reading, f"--runs={RUNS}"]
    ran = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:] + ran.stdout[-2000:]
    assert f"Done {RUNS} runs" in ran.stderr

"""A machine on which `jit` is installed, and somebody with a home of their own: programs start as they start them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"jit": "jit_access.cli", "docker-credential-jit": "jit_access.cli.docker_credential"}
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
LONGEST_S = 120
Ran = subprocess.CompletedProcess[str]


@dataclass(slots=True)
class Machine:
    """`env` is all that programs get."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str | Path, stdin: str = "", **more: str) -> Ran:
        """One program, until it ends."""
        return subprocess.run(
            [str(word) for word in words], cwd=self.home, env=self.env | more, input=stdin, capture_output=True,
            text=True, timeout=LONGEST_S, check=False,
        )  # fmt: skip

    def jit(self, *words: str | Path, stdin: str = "", **more: str) -> Ran:
        return self.run("jit", *words, stdin=stdin, **more)

    def start(self, *words: str | Path, **more: str) -> subprocess.Popen[str]:
        """One that goes on beside. The caller ends it."""
        return subprocess.Popen(
            [str(word) for word in words], cwd=self.home, env=self.env | more, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def file(self, *names: str) -> Path:
        return self.home.joinpath(*names)


def make_machine(folder: Path, address: str, *, token: str = "", also_on_path: tuple[Path, ...] = ()) -> Machine:
    """With the programs on PATH as an installation puts them there, and a token in a private file."""
    home, programs = folder / "home", folder / "bin"
    home.mkdir(mode=0o700)
    programs.mkdir()
    for name, module in PROGRAMS.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {module} "$@"\n')
        program.chmod(0o755)
    path = os.pathsep.join([str(programs), *map(str, also_on_path), SYSTEM_PATH])
    env = {"HOME": str(home), "PATH": path, "JIT_ADDR": address, "LANG": "C.UTF-8"}
    if token:
        kept = folder / "api-token"
        kept.write_text(token)
        kept.chmod(0o600)
        env["JIT_TOKEN_FILE"] = str(kept)
    return Machine(home, env)

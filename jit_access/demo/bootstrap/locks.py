"""Compiles the locks. They hold hashes and no address, so a clone is tied to nobody's index."""

from __future__ import annotations

import subprocess

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.bootstrap.install import House, find_uv
from jit_access.demo.bootstrap.terminal import Mark, Terminal

_FLAGS = [
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--quiet",
]
# What the gateway runs on is an extra: the `jit` command alone needs nothing.
_SERVER = "--extra=server"
# dev first: the others follow its choices, so that one version of everything is tested and shipped.
_GROUPS: tuple[tuple[str, list[str]], ...] = (
    ("dev", [_SERVER, "--group=dev"]),
    ("base", [_SERVER]),
    ("demo", [_SERVER, "--group=demo"]),
)


def compile_locks(house: House, *, upgrade: bool, terminal: Terminal) -> None:
    """Write requirements/*.txt anew from pyproject.toml. Raises: CannotGoOn."""
    uv = find_uv(house)
    if uv is None:
        raise CannotGoOn("Locking needs uv. Run `python3 dev.py up` once, or install uv.")
    more = ["--upgrade"] if upgrade else []
    for name, flags in _GROUPS:
        follow = [] if name == "dev" else ["--constraint=requirements/dev.txt"]
        _compile(house, uv, ["pyproject.toml", *flags, *follow, *more], name)
        terminal.say(Mark.DONE, f"requirements/{name}.txt")
    _compile(house, uv, ["--group=bootstrap", *more], "bootstrap")
    terminal.say(Mark.DONE, "requirements/bootstrap.txt")


def _compile(house: House, uv: str, arguments: list[str], name: str) -> None:
    command = [uv, "pip", "compile", *_FLAGS, *arguments, "-o", f"requirements/{name}.txt"]
    if subprocess.run(command, cwd=house.root, stdout=subprocess.DEVNULL, check=False).returncode:
        raise CannotGoOn(f"requirements/{name}.txt could not be resolved; uv says why above.")

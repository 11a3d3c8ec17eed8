"""The commands of `dev.py`. What needs only a bare Python happens here; the rest runs inside `.venv`."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.bootstrap.install import House, ensure_installed, find_uv
from jit_access.demo.bootstrap.locks import compile_locks
from jit_access.demo.bootstrap.parts import ensure_parts
from jit_access.demo.bootstrap.terminal import Mark, Terminal, terminal_for

HOUSE = House(Path(__file__).resolve().parents[3])
_STACK = "jit_access.demo.stack"


def run(arguments: Sequence[str]) -> int:
    """Carry out one command and return the exit status."""
    terminal = terminal_for()
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command not in ("test", "fuzz"):
        terminal.say(Mark.REFUSED, f"Unknown argument: {rest[0]}. See: python3 dev.py --help")
        return 2
    if os.environ.get("JIT_ENV") == "production":
        terminal.say(Mark.REFUSED, "JIT_ENV is production. dev.py makes throw-away secrets and never runs there.")
        return 2
    try:
        return _carry_out(options, rest, terminal)
    except CannotGoOn as exc:
        terminal.say(Mark.REFUSED, str(exc))
        return 1
    except KeyboardInterrupt:
        return 130


def _carry_out(options: argparse.Namespace, rest: list[str], terminal: Terminal) -> int:
    match options.command:
        case "up":
            ensure_installed(HOUSE, "dev" if options.db == "postgres" else "demo", terminal)
            _hand_over("up", *_up_flags(options))
        case "install":
            ensure_installed(HOUSE, "dev", terminal)
        case "test":
            ensure_installed(HOUSE, "dev", terminal)
            ensure_parts(terminal)
            return _test(rest, is_quick=options.quick)
        case "fuzz":
            ensure_installed(HOUSE, "dev", terminal)
            os.chdir(HOUSE.root)
            return subprocess.run([str(HOUSE.python), "-m", "tests.fuzzing", *rest], check=False).returncode
        case "lock":
            compile_locks(HOUSE, upgrade=options.upgrade, terminal=terminal)
        case "manage":
            ensure_installed(HOUSE, "demo", terminal)
            _hand_over("manage", *options.arguments)
        case "doctor":
            return _doctor(terminal)
        case "reset":
            return _reset(terminal)
        case "down" if HOUSE.python.exists():
            _hand_over("down")
    return 0


def _up_flags(options: argparse.Namespace) -> list[str]:
    flags = [f"--db={options.db}", f"--port={options.port}"]
    flags += ["--detach"] if options.detach else []
    return flags + (["--no-demo"] if options.no_demo else [])


def _hand_over(*arguments: str) -> None:
    """Become the process inside `.venv`, so that signals reach it and its exit status is ours."""
    os.chdir(HOUSE.root)
    os.execv(HOUSE.python, [str(HOUSE.python), "-m", _STACK, *arguments])  # noqa: S606  # no shell on purpose


def _test(arguments: list[str], *, is_quick: bool) -> int:
    """On SQLite, and on PostgreSQL, which shows lost updates that SQLite hides. The first failure is the status.

    Both at once: each waits a lot, for deadlines and for processes, and what one leaves idle the other takes.
    """
    os.chdir(HOUSE.root)
    # By file, because a file's tests share what was started for them; the caller's own -n wins.
    arguments = ["--numprocesses=auto", "--dist=loadfile", *arguments]
    if is_quick or any(argument.startswith("--db") for argument in arguments):
        return _pytest(arguments).wait()
    with tempfile.TemporaryFile() as output:
        other = _pytest(["--db=postgres", "--only-database", *arguments], output)
        try:
            status = _pytest(["--db=sqlite", *arguments]).wait()
        finally:
            other_status = other.wait()  # ends by itself at Ctrl-C, which reaches it too
            output.seek(0)
            sys.stdout.write("\nOn PostgreSQL:\n" + output.read().decode(errors="replace"))
            sys.stdout.flush()
    return status or other_status


def _pytest(arguments: list[str], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([str(HOUSE.python), "-m", "pytest", *arguments], stdout=output, stderr=output)


def _doctor(terminal: Terminal) -> int:
    terminal.say(Mark.DONE, f"Python {platform.python_version()} at {sys.executable}")
    uv = find_uv(HOUSE)
    terminal.say(Mark.DONE if uv else Mark.WAITING, f"uv at {uv}" if uv else "No uv: pip fetches one, or does it all")
    if not HOUSE.python.exists():
        terminal.say(Mark.WAITING, "No .venv yet: `python3 dev.py up` makes it")
        return 0
    _hand_over("doctor")
    return 0


def _reset(terminal: Terminal) -> int:
    """Stop everything, then forget everything: the database, the secrets, the demo's registry."""
    if HOUSE.python.exists():
        stopped = subprocess.run([str(HOUSE.python), "-m", _STACK, "down"], cwd=HOUSE.root, check=False)
        if stopped.returncode:
            return stopped.returncode
    shutil.rmtree(HOUSE.root / "var", ignore_errors=True)
    terminal.say(Mark.DONE, "var/ is gone: database, secrets, logs and the demo's registry")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py", description="Run and test the access gateway on this machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="bring everything up and say what to do next; Ctrl-C stops all")
    up.add_argument("--detach", action="store_true", help="come back when it is ready; `dev.py down` stops it")
    up.add_argument("--no-demo", action="store_true", help="no demo people, no demo registry")
    up.add_argument("--db", choices=["sqlite", "postgres"], default="sqlite", help="default: sqlite")
    up.add_argument("--port", type=int, default=8000, help="port of the web pages; the others move along")
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("install", help="fill .venv with everything that developing and testing needs")
    test = commands.add_parser("test", help="run the tests on SQLite and on PostgreSQL; takes pytest's arguments")
    test.add_argument("--quick", action="store_true", help="on SQLite only")
    commands.add_parser("fuzz", help="fuzz what reads hostile bytes; takes readings, --seconds, --runs, --keep")
    commands.add_parser("doctor", help="say what this machine has and lacks")
    commands.add_parser("reset", help="stop, then remove var/ with all its data")
    manage = commands.add_parser("manage", help="Django's manage.py with the secrets and addresses of this stack")
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    lock = commands.add_parser("lock", help="compile requirements/*.txt from pyproject.toml")
    lock.add_argument("--upgrade", action="store_true", help="take the newest versions")
    return parser

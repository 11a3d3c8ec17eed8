"""The command line itself: what it says of itself, and how it takes what it cannot use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jit_access.cli.arguments import every_group
from jit_access.cli.commands.completing import every_command, options_of, words_of
from tests.support.at_terminal import Seat, command

COMMANDS = sorted(every_command())


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    """Of somebody who has not signed in."""
    return Seat(tmp_path, "https://127.0.0.1:9")


def test_help_names_every_command(seat: Seat) -> None:
    shown = seat.jit("--help")
    assert shown.returncode == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in shown.stdout] == []
    assert seat.jit().stdout == shown.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    parser = every_command()[name]
    text = parser.format_help()
    assert parser.description
    assert [action.dest for action in options_of(parser) if not action.help and action.dest != "help"] == []
    assert "--json" in text


def test_every_command_is_there() -> None:
    import importlib  # noqa: PLC0415  # what is tested is that each can be

    for group in every_group():
        for one in group.commands:
            module, _, function = one.place.partition(":")
            assert callable(getattr(importlib.import_module(f"jit_access.cli.{module}"), function)), one.name


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",), ("request",), ("request", "prod/llm"), ("request", "prod/llm", "--for", "2h"),
        ("request", "prod/llm", "--for", "2", "--reason", "x"), ("request", "no", "--for", "2h", "--reason", "x"),
        ("request", "prod/llm", "--for", "2h", "--reason", " "), ("run", "prod/llm"), ("run", "prod/llm", "--"),
        ("end",),
        ("end", "--all", "grt_1"), ("grants", "--nonsense"), ("completion", "tcsh"), ("review", "--approve"),
        ("review", "req_1", "--approve", "--deny"), ("login", "ftp://host"), ("login", "http://jit.example.com"),
        ("request", "prod/llm", "--fo", "2h", "--reason", "x"), ("requests", "--last", "0"), ("requests", "--wait"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_ends_with_2_and_no_traceback(seat: Seat, arguments: tuple[str, ...]) -> None:
    signed_in = {"JIT_TOKEN": "jita_api_nothing"}
    refused = seat.jit(*arguments, **signed_in)
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stderr


def test_signed_out_is_told_with_what_to_do(seat: Seat) -> None:
    refused = seat.jit("grants")
    assert refused.returncode == 7
    assert refused.stderr == "✗ You are not signed in at https://127.0.0.1:9.\n  Sign in: jit login\n"


def test_gateway_that_is_not_there_is_told(seat: Seat) -> None:
    refused = seat.jit("withdraw", "req_" + "a" * 20, JIT_TOKEN="x")
    assert refused.returncode == 10
    assert "https://127.0.0.1:9 cannot be reached: Connection refused. (not-reached)" in refused.stderr


def test_closed_output_is_no_failure(tmp_path: Path) -> None:
    ran = subprocess.run(
        ["sh", "-c", f"{' '.join(command(['completion', 'fish']))} | head -c 10"], env=Seat(tmp_path, "").environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


def test_plain_locale_gets_plain_signs(seat: Seat) -> None:
    refused = seat.jit("grants", PYTHONIOENCODING="ascii")
    assert refused.stderr.startswith("[no] You are not signed in")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_option(seat: Seat, shell: str) -> None:
    script = seat.jit("completion", shell).stdout
    assert [name for name in COMMANDS if name not in script] == []
    for name, parser in every_command().items():
        wanted = [word.lstrip("-") for word in words_of(parser)]
        assert [word for word in wanted if word not in script] == [], name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_read_by_its_shell(seat: Seat, shell: str) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.fail(f"{shell} is missing: the tests read each completion script with its own shell")
    script = seat.jit("completion", shell).stdout
    ran = subprocess.run([found, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("jit re", {"request", "requests", "review"}), ("jit end --", {"--all", "--json", "--quiet", "--addr", "--help"}),
     ("jit completion ", {"bash", "zsh", "fish"})],
)  # fmt: skip
def test_bash_completes(seat: Seat, typed: str, offered: set[str]) -> None:
    words = typed.split(" ")
    script = (
        f"{seat.jit('completion', 'bash').stdout}\n"
        f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}\n"
        "_jit; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    ran = subprocess.run(
        ["bash"], input=script, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    assert offered <= set(ran.stdout.split())


def test_module_and_script_are_the_same() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "jit_access.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("jit ")

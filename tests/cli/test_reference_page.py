"""docs/reference/jit-command.md says what the command does."""

from __future__ import annotations

import re

from jit_access.cli.troubles import MEANINGS, Exit
from tests.architecture.sources import ROOT
from tests.support.command_page import PAGE, written_anew

_VARIABLE = re.compile(r"\"(JIT_[A-Z_]+)\"")


def test_commands_and_statuses_are_as_in_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == written_anew(text), "run: python -m tests.support.command_page"
    assert "### jit run" in text


def test_another_word_would_be_noticed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert written_anew(text.replace("### jit run", "### jit walk")) == text


def test_every_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


def test_every_variable_is_described() -> None:
    used = {name for path in (ROOT / "jit_access/cli").rglob("*.py") for name in _VARIABLE.findall(path.read_text())}
    described = set(re.findall(r"^\| `(JIT_[A-Z_]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert used == described

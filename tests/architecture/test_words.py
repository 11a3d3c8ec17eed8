"""What stands in the repository: no place of any one machine, no nameless promise, a sentence for every code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jit_access.domain.reasons import Reason, explain
from tests.architecture.sources import relative, text_files

TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!.*#\d+)")
# Registries and mirrors belong to a machine's settings; a clone must not be tied to them.
HOST = re.compile(r"https?://[^\s\"'<>)]*(?:pypi|pythonhosted|npmjs|docker\.io|ghcr|quay|mirror)[^\s\"'<>)]*")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:home|Users|root|work|opt)/[a-z]")
UNKIND = re.compile(r"!|\b(please|oops|successfully|invalid)\b", re.IGNORECASE)  # UI.md, words
_RULES = (TODO, HOST, MACHINE_PATH)


@pytest.mark.parametrize("rule", _RULES, ids=["todo", "host", "machine path"])
def test_tracked_files_hold_none_of_it(rule: re.Pattern[str]) -> None:
    found = [
        f"{relative(path)}:{number}"
        for path, text in text_files()
        if path != Path(__file__)
        for number, line in enumerate(text.splitlines(), start=1)
        if rule.search(line)
    ]
    assert not found


@pytest.mark.parametrize(
    ("rule", "line"),
    [(TODO, "# TODO: later"), (HOST, "https://mirror.example/simple"), (MACHINE_PATH, "cd /home/ada/checkout")],
)
def test_rule_bites(rule: re.Pattern[str], line: str) -> None:
    assert rule.search(line)


def test_todo_with_issue_number_is_fine() -> None:
    assert not TODO.search("# TODO(#7): the kernel path")


def test_every_reason_has_a_sentence_for_people() -> None:
    sentences = {reason: explain(reason) for reason in Reason}
    assert [reason for reason, sentence in sentences.items() if not sentence.endswith(".")] == []
    assert [reason for reason, sentence in sentences.items() if UNKIND.search(sentence)] == []


def test_every_reason_code_is_kebab_case() -> None:
    assert [reason for reason in Reason if not re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value)] == []

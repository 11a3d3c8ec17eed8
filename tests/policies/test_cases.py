"""Cases beside a policy: they pass, they fail with words, and what cannot be read is never taken for passed."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jit_access.policies.cases import read_cases
from jit_access.policies.errors import PolicyBroken
from tests.policies.samples import EXAMPLE_DIR

CASE = """
- name: Research pulls
  groups: [research]
  do: pull
  resource: reg/tools/base
  tier: standard
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    for file in EXAMPLE_DIR.iterdir():
        if file.suffix != ".yaml":
            (tmp_path / file.name).write_text(file.read_text())
    return tmp_path


def run(directory: Path) -> str:
    out = StringIO()
    call_command("policy", "test", str(directory), stdout=out)
    return out.getvalue()


def test_the_examples_own_cases_pass() -> None:
    assert "cases, all as expected." in run(EXAMPLE_DIR)


@pytest.mark.parametrize(
    "right",
    [
        "expect: allow",
        "expect: allow\n  approvals: nobody",
        "expect: allow\n  rule: research-standard",
        "expect: allow\n  lasts_at_most: 8h",
        "for: 9h\n  expect: deny\n  reason: lasts-too-long",
        "proof: none\n  expect: deny\n  rule: second-factor-always",
    ],
)
def test_what_is_so_passes(policy: Path, right: str) -> None:
    (policy / "cases.yaml").write_text(f"{CASE}  {right}\n")
    assert "✓ Research pulls\n1 case, all as expected." in run(policy)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("expect: deny", "deny, but got no-approval-needed by research-standard"),
        ("expect: allow\n  approvals: 1 of security", "approvals 1 of security, but got nobody"),
        ("expect: allow\n  rule: agents-standard", "rule agents-standard, but got research-standard"),
        ("expect: allow\n  lasts_at_most: 2h", "at most 7200 s, but got 28800 s"),
        ("for: 9h\n  expect: allow", "allow, but got lasts-too-long"),
        ("for: 9h\n  expect: deny\n  reason: no-rule-allows", "reason no-rule-allows, but got lasts-too-long"),
    ],
)
def test_what_is_not_so_fails_and_says_what_came_out(policy: Path, wrong: str, words: str) -> None:
    (policy / "cases.yaml").write_text(f"{CASE}  {wrong}\n")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 1 cases failed"):
        call_command("policy", "test", str(policy), stdout=out)
    assert f"expected {words}" in out.getvalue()


def test_no_case_at_all_is_no_success(policy: Path) -> None:
    with pytest.raises(CommandError, match="There is no case in it"):
        run(policy)


@pytest.mark.parametrize(
    "text",
    [
        "{", "just words", f"{CASE}  expect: maybe", f"{CASE}  expect: allow\n  aprovals: nobody", CASE,
        f"{CASE}  expect: allow\n  proof: oath", f"{CASE}  expect: allow\n  for: soon", "- 3", "- name: x",
        f"{CASE}  expect: deny\n  reason: because", f"{CASE}  expect: allow\n  agent: maybe",
        CASE.replace("reg/tools/base", "tools") + "  expect: deny",
        CASE.replace("standard", "royal") + "  expect: deny",
        "!!python/object/apply:os.system ['true']",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_nothing_runs(policy: Path, text: str) -> None:
    (policy / "cases.yaml").write_text(text)
    with pytest.raises(PolicyBroken, match=r"cases\.yaml"):
        read_cases(policy)

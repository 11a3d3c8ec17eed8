"""The reference pages say what the code says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from jit_access.domain.reasons import Reason, explain
from jit_access.domain.tokens import TOKEN_REGEX, TokenKind
from registry_proxy.settings import Limits

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def rows(page: str, begin: str) -> set[str]:
    return {line for line in (PAGES / page).read_text(encoding="utf-8").splitlines() if line.startswith(begin)}


def test_every_reason_code_stands_in_the_reference_with_its_sentence() -> None:
    assert rows("reason-codes.md", "| `") == {f"| `{reason}` | {explain(reason)} |" for reason in Reason}


def test_every_limit_stands_in_the_reference_with_its_default() -> None:
    assert rows("limits.md", "| `JIT_") == {
        f"| `{item.metadata['env']}` | {item.default} | {item.metadata['says']} |" for item in fields(Limits)
    }


def test_what_scanners_look_for_is_what_tokens_look_like() -> None:
    page = (PAGES.parent / "how-to" / "report-leaked-tokens.md").read_text(encoding="utf-8")
    assert TOKEN_REGEX in page.splitlines()
    assert {f"jita_{kind}_" for kind in TokenKind} == set(re.findall(r"`(jita_[a-z]+_)`", page))

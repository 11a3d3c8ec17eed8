"""The page of peers' edge cases names tests that exist, and leaves no case out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (\d+) \|(.*)\|$", (HOUSE / "docs/reference/edge-cases.md").read_text(), re.MULTILINE)


def test_no_case_is_left_out() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 35))


@pytest.mark.parametrize(("number", "row"), ROWS, ids=[number for number, _ in ROWS])
def test_each_names_tests_that_exist(number: str, row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
    assert named, f"case {number} has no test"
    for file, name in named:
        text = (HOUSE / file).read_text()
        assert f"def {name or 'test_'}" in text, f"{file} has no {name}"

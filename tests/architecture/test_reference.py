"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

from jit_access.domain.reasons import Reason, explain

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reason-codes.md"


def test_every_reason_code_stands_in_the_reference_with_its_sentence() -> None:
    rows = {line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")}
    assert rows == {f"| `{reason}` | {explain(reason)} |" for reason in Reason}

"""Every input that was ever worth keeping, read again; no fuzzer is needed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing.readings import READINGS

CORPUS = Path(__file__).parent / "corpus"
_INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", _INPUTS, ids=lambda path: f"{path.parent.name}/{path.name[:24]}")
def test_kept_input_keeps_the_promise(path: Path) -> None:
    READINGS[path.parent.name](path.read_bytes())


def test_each_reading_has_a_corpus() -> None:
    """A reading without honest inputs would fuzz noise; a folder without a reading would never be read."""
    assert {path.parent.name for path in _INPUTS} == set(READINGS)

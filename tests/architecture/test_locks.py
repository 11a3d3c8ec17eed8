"""Locks tie a clone to bytes, never to a host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

LOCKS = tuple(sorted((ROOT / "requirements").glob("*.txt")))
_PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", re.MULTILINE)


def test_all_locks_are_there() -> None:
    assert [path.stem for path in LOCKS] == ["base", "bootstrap", "demo", "dev"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    blocks = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8"))
    assert blocks
    assert not [block.splitlines()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_an_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^(--?i(ndex-url)?|--extra|--find-links|-f)\b", text, re.MULTILINE)


@pytest.mark.parametrize("lock", [path for path in LOCKS if path.stem in {"base", "demo"}], ids=lambda path: path.name)
def test_what_is_shipped_is_what_is_tested(lock: Path) -> None:
    tested = dict(_PIN.findall((ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")))
    shipped = dict(_PIN.findall(lock.read_text(encoding="utf-8")))
    assert shipped
    assert {name: tested.get(name) for name in shipped} == shipped

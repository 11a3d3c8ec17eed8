"""Ids of records and exchanges: nobody guesses one, none comes twice, and they rise with time."""

from __future__ import annotations

import time

import pytest

from jit_access.domain.audit_record import RECORD_ID
from registry_proxy.audit_sink.ids import RANDOM_BYTES, random_hex


def test_ids_are_those_of_records_and_never_the_same() -> None:
    made = [random_hex() for _ in range(5_000)]
    assert all(RECORD_ID.fullmatch(f"rec_{name}") for name in made)
    assert len({name[-2 * RANDOM_BYTES :] for name in made}) == len(made)


def test_a_later_id_stands_behind_an_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for second in (1_700_000_000.0, 1_700_000_000.001, 1_800_000_000.5):
        monkeypatch.setattr(time, "time", lambda second=second: second)
        made.append(random_hex())
    assert made == sorted(made)
    assert made[0].startswith(f"{1_700_000_000_000:012x}")

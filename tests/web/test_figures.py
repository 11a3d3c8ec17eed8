from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jit_access.web import figures

NOW = datetime(2026, 11, 23, 13, 55, 10, 124_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (550, "9 min 10 s"),
        (899, "14 min 59 s"),
        (900, "15 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (4320, "1 h 12 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d"),
        (97200, "1 d 3 h"),
    ],
)
def test_duration_shows_seconds_only_below_fifteen_minutes(seconds: float, words: str) -> None:
    assert figures.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (1024, "1.00 KiB"),
        (10 * 1024, "10.0 KiB"),
        (131 * 1024**3, "131 GiB"),
        (int(41.2 * 1024**3), "41.2 GiB"),
        (int(999.6 * 1024**2), "0.98 GiB"),
        (3 * 1024**6, "3072 PiB"),
    ],
)
def test_size_has_three_figures_in_binary_units(count: int, words: str) -> None:
    assert figures.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(7200, "2 hours"), (3600, "1 hour"), (5400, "1 hour 30 minutes"), (1800, "30 minutes")]
)
def test_spoken_duration(seconds: int, words: str) -> None:
    assert figures.spoken_duration(seconds) == words


def test_an_end_on_another_day_says_the_day() -> None:
    assert figures.end_time(NOW + timedelta(hours=1), NOW) == "14:55 UTC"
    assert figures.end_time(NOW + timedelta(hours=12), NOW) == "24 Nov 01:55 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4, "just now"), (40, "40 s ago"), (240, "4 min ago"), (10800, "3 h ago"), (172800, "2 d ago")],
)
def test_ago(seconds: int, words: str) -> None:
    assert figures.ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_exact_time_keeps_milliseconds() -> None:
    assert figures.exact_time(NOW) == "13:55:10.124"


@pytest.mark.parametrize(
    ("name", "letters"), [("Ada Okafor", "AO"), ("ci-bot", "C"), ("Anna Maria Rossi", "AR"), ("", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert figures.initials(name) == letters


def test_joined_reads_as_a_list() -> None:
    assert figures.joined(["Ben"]) == "Ben"
    assert figures.joined(["Ben", "Cleo", "Mara"], "or") == "Ben, Cleo or Mara"

"""Durations as people type them, and times as they read them: relative first, then absolute, always UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from jit_access.cli.troubles import Exit, Trouble

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})(?:m|min))?(?:([0-9]{1,7})s)?")
_WITH_SECONDS_BELOW_S = 15 * 60


def parse_duration(text: str) -> int:
    """Seconds of `2h`, `90m`, `1h30m`, `1d`. Raises: Trouble for anything else, a bare number included."""
    found = _DURATION.fullmatch(text.strip().lower().replace(" ", ""))
    seconds = (
        sum(int(count or 0) * size for count, size in zip(found.groups(), _UNITS.values(), strict=True)) if found else 0
    )
    if seconds <= 0:
        raise Trouble(f"{text!r} is not a length of time. Write 2h, 90m, 1h30m or 1d.", Exit.USAGE)
    return seconds


def duration_words(seconds: int) -> str:
    """`1 h 30 min`; below 15 minutes with seconds, above to the nearest minute."""
    if seconds < 60:
        return f"{max(0, seconds)} s"
    if seconds >= _WITH_SECONDS_BELOW_S:
        seconds = round(seconds / 60) * 60
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    if seconds < _WITH_SECONDS_BELOW_S:
        parts.append((rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def parse_instant(text: object) -> datetime | None:
    """An instant of the API, or None."""
    try:
        found = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return None if found is None else found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def now() -> datetime:
    """This machine's clock. It only words things; what is over is for the gateway to say."""
    return datetime.now(UTC)


def clock_words(instant: datetime) -> str:
    """`15:08 UTC`, with the day when it is not today."""
    is_today = instant.date() == now().date()
    return f"{instant:%H:%M} UTC" if is_today else f"{instant.day} {instant:%b %H:%M} UTC"


def until_words(text: object) -> str:
    """`in 9 min, at 14:05 UTC`, or `3 min ago, at 14:05 UTC`; a dash for no instant."""
    instant = parse_instant(text)
    if instant is None:
        return "–"
    away_s = round((instant - now()).total_seconds())
    relative = f"in {duration_words(away_s)}" if away_s >= 0 else f"{duration_words(-away_s)} ago"
    return f"{relative}, at {clock_words(instant)}"


def by_words(text: object) -> str:
    """A deadline: `by 14:05 UTC, in 9 min`."""
    instant = parse_instant(text)
    if instant is None:
        return "–"
    away_s = round((instant - now()).total_seconds())
    return f"by {clock_words(instant)}, {f'in {duration_words(away_s)}' if away_s >= 0 else 'which is over'}"


def size_words(size: int | None) -> str:
    """Binary units, three figures."""
    if size is None:
        return "–"
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1000 and len(units) > 1:
        value, _ = value / 1024, units.pop(0)
    if units[0] == "B":
        return f"{size} B"
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {units[0]}"

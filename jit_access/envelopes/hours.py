"""When an envelope lets anything begin: a window of wall time on some days, in a named time zone.

What begins inside has to be over when the window closes, so no grant outlives the hours that people agreed to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MIN = 24 * 60
_LOOK_AHEAD_DAYS = 8  # windows that follow each other without a gap are one; a week of them is always


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes since midnight, half open. A window that ends before it starts goes on after midnight."""

    days: frozenset[int]  # Monday is 0
    starts_min: int
    ends_min: int  # up to 1440
    zone: str

    @property
    def is_always(self) -> bool:
        """Every minute of every day."""
        return len(self.days) == len(DAYS) and (self.starts_min, self.ends_min) == (0, DAY_MIN)

    def closes_at(self, now: datetime) -> datetime | None:
        """When the window that is open now closes; None while none is open."""
        end = self._end_of(now)
        if end is None:
            return None
        for _ in range(_LOOK_AHEAD_DAYS):
            later = self._end_of(end)
            if later is None or later <= end:
                break
            end = later
        return end

    @property
    def text(self) -> str:
        """`Mon to Fri, 08:00 to 18:00 Europe/Berlin`."""
        if self.is_always:
            return "at any time"
        return f"{_days_text(self.days)}, {clock_text(self.starts_min)} to {clock_text(self.ends_min)} {self.zone}"

    def _end_of(self, now: datetime) -> datetime | None:
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        # Of yesterday, too: it may have gone on after midnight.
        for begun in (today, today - timedelta(days=1)):
            if begun.weekday() not in self.days:
                continue
            starts = _at(begun, self.starts_min, zone)
            over = begun if self.ends_min > self.starts_min else begun + timedelta(days=1)
            ends = _at(over, self.ends_min, zone)
            if starts <= now < ends:
                return ends
        return None


ALWAYS = Hours(frozenset(range(len(DAYS))), 0, DAY_MIN, "UTC")


def check_hours(days: Iterable[int], starts_min: int, ends_min: int, zone: str) -> Hours:
    """Raises: ValueError with what is wrong, in words."""
    chosen = frozenset(days)
    if not chosen or not chosen <= set(range(len(DAYS))):
        raise ValueError("Choose at least one day.")
    if not (0 <= starts_min < DAY_MIN and 0 < ends_min <= DAY_MIN) or starts_min == ends_min:
        raise ValueError("The hours are from 00:00 to 24:00, and have some length.")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError("That is not a time zone such as Europe/Berlin or UTC.") from exc
    return Hours(chosen, starts_min, ends_min, zone)


def clock_text(minutes: int) -> str:
    """`08:00`; midnight at the end of a day is `24:00`."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse_clock(text: str) -> int:
    """Minutes since midnight. Raises: ValueError."""
    hours, colon, minutes = text.strip().partition(":")
    if not colon or not (hours + minutes).isascii() or not (hours + minutes).isdecimal() or len(text.strip()) > 5:
        raise ValueError("Write a time such as 08:00.")
    found = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or found > DAY_MIN:
        raise ValueError("Write a time from 00:00 to 24:00.")
    return found


def _at(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """Wall time, so that a change of the clocks moves the instant and not the hour."""
    more, rest = divmod(minutes, DAY_MIN)
    return datetime.combine(day + timedelta(days=more), time(rest // 60, rest % 60), zone).astimezone(UTC)


def _days_text(days: frozenset[int]) -> str:
    if len(days) == len(DAYS):
        return "every day"
    ordered = sorted(days)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{DAYS[ordered[0]]} to {DAYS[ordered[-1]]}"
    return ", ".join(DAYS[day] for day in ordered)

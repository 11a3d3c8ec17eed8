"""Durations, sizes and instants as people read them. Every page says them the same way (UI guide, section 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
# Under 15 minutes seconds matter: somebody may have to act within them.
SECONDS_SHOWN_BELOW_S = 15 * MINUTE_S
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_ONES = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def duration(seconds: float) -> str:
    """A span as `9 min 10 s`, `1 h 12 min` or `3 d 4 h`: two units at most, seconds only when they matter."""
    total = max(0, int(seconds))
    if total < MINUTE_S:
        return f"{total} s"
    if total < SECONDS_SHOWN_BELOW_S:
        return _two(total // MINUTE_S, "min", total % MINUTE_S, "s")
    if total < HOUR_S:
        return f"{total // MINUTE_S} min"
    if total < DAY_S:
        return _two(total // HOUR_S, "h", total % HOUR_S // MINUTE_S, "min")
    return _two(total // DAY_S, "d", total % DAY_S // HOUR_S, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def round_duration(seconds: float) -> str:
    """A span for sentences, one unit where it can be: `9 min`, `2 h`, `1 h 30 min`."""
    total = max(0, int(seconds))
    if MINUTE_S <= total < SECONDS_SHOWN_BELOW_S:
        return f"{total // MINUTE_S} min"
    return duration(total)


def spoken_duration(seconds: int) -> str:
    """A span as it is said in a headline: `2 hours`, `30 minutes`, `1 hour 30 minutes`."""
    hours, rest = divmod(max(0, int(seconds)), HOUR_S)
    minutes = rest // MINUTE_S
    parts = [plural(hours, "hour")] if hours else []
    if minutes or not parts:
        parts.append(plural(minutes, "minute"))
    return " ".join(parts)


def size(count: int) -> str:
    """Bytes in binary units with three figures: `41.2 GiB`, `131 GiB`, `512 B`."""
    value = float(max(0, count))
    for unit in _UNITS:
        # 999.5 would be written with four figures, so it moves on to the next unit.
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1024
    if unit == "B":
        return f"{int(value)} B"
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f} {unit}"


def clock(moment: datetime) -> str:
    """`15:08 UTC`: for an instant of today, beside something that says the day."""
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def day_and_time(moment: datetime) -> str:
    """`22 Nov 16:41`, in UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%b %H:%M}"


def day(moment: datetime) -> str:
    """`22 Nov`, in UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%b}"


def end_time(moment: datetime, now: datetime) -> str:
    """`15:08 UTC` while that is clear, `24 Nov 15:08 UTC` once it is another day."""
    is_today = moment.astimezone(UTC).date() == now.astimezone(UTC).date()
    return clock(moment) if is_today else f"{day_and_time(moment)} UTC"


def exact_time(moment: datetime) -> str:
    """`13:55:10.124`: for timelines and records, where order is the point."""
    utc = moment.astimezone(UTC)
    return f"{utc:%H:%M:%S}.{utc.microsecond // 1000:03d}"


def ago(moment: datetime, now: datetime) -> str:
    """`just now`, `40 s ago`, `4 min ago`, `3 h ago`, `2 d ago`."""
    seconds = int((now - moment).total_seconds())
    if seconds < 5:
        return "just now"
    if seconds < MINUTE_S:
        return f"{seconds} s ago"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min ago"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S} h ago"
    return f"{seconds // DAY_S} d ago"


def iso(moment: datetime) -> str:
    """The machine's form, for `datetime` attributes and the script's clock."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 grant`, `2 grants`."""
    return f"{grouped(count)} {one if count == 1 else many or one + 's'}"


def number_word(count: int) -> str:
    """`Two` at the start of a sentence; figures above ten."""
    return _ONES[count] if 0 <= count < len(_ONES) else grouped(count)


def grouped(count: int) -> str:
    """Thousands apart by a thin space that does not break: `18 204`."""
    return f"{count:,}".replace(",", "\u202f")


def possessive(name: str, *, is_person: bool = True) -> str:
    """`Ada's`: the first name as its owner; the whole name of an agent."""
    return f"{first_name(name) if is_person else name}’s"


def first_name(name: str) -> str:
    """The name after the first mention. A service account has one name only."""
    return name.split(maxsplit=1)[0] if name.split() else name


def initials(name: str) -> str:
    """`AO` for Ada Okafor; one letter for one name."""
    words = name.split()
    return (
        "".join(word[0] for word in (words[0], words[-1]) if word).upper()[: 2 if len(words) > 1 else 1]
        if words
        else "?"
    )


def seconds_between(later: datetime, earlier: datetime) -> float:
    """Signed seconds from `earlier` to `later`."""
    return (later - earlier) / timedelta(seconds=1)


def joined(names: list[str], last: str = "and") -> str:
    """`Ben`, `Ben and Cleo`, `Ben, Cleo and Mara`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"

"""When a rule approves by itself: `@auto_approve`, read into values. Whether its conditions hold is looked up above.

`on call for ml, between mon-fri 08:00-18:00 Europe/Berlin | approved before within 30d, risk below 40`: ways apart by
`|`, one of which must hold whole; conditions apart by commas. A way is for standard repositories unless it says
`tier sensitive` or `tier critical`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jit_access.domain.operations import Tier

MAX_WAYS = 4
MAX_BEFORE_DAYS = 90
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HEAVIER = tuple(Tier)  # standard, sensitive, critical
_DAY = "|".join(DAYS)
_ON_CALL = re.compile(r"on call for ([a-z0-9][a-z0-9-]{0,59})")
_HOURS = re.compile(
    rf"between ({_DAY})(?:-({_DAY}))? ([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9]) "
    r"([A-Za-z0-9_+/-]{1,40})"
)
_BEFORE = re.compile(r"approved before within ([1-9][0-9]?)d")
_RISK = re.compile(r"risk below ([1-9][0-9]?|100)")
_TIER = re.compile(r"tier (standard|sensitive|critical)")
_NOT_A_CONDITION = (
    'is not a condition such as "on call for ml", "between mon-fri 08:00-18:00 Europe/Berlin", '
    '"approved before within 30d", "risk below 40" or "tier sensitive"'
)


@dataclass(frozen=True, slots=True)
class Hours:
    """A window of local time on some days. One that ends before it starts goes on after midnight."""

    days: frozenset[int]  # Monday is 0
    starts_min: int
    ends_min: int
    zone: str

    def hold(self, now: datetime) -> bool:
        """Half open: the end is outside."""
        local = now.astimezone(ZoneInfo(self.zone))
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.starts_min < self.ends_min:
            return day in self.days and self.starts_min <= minute < self.ends_min
        return (day in self.days and minute >= self.starts_min) or (
            (day - 1) % 7 in self.days and minute < self.ends_min
        )


@dataclass(frozen=True, slots=True)
class Way:
    """Conditions that must hold together. `text` is how the rule says them; it is what a grant is held to later."""

    text: str
    on_call: str = ""
    hours: Hours | None = None
    hours_text: str = ""
    before_days: int = 0
    risk_below: int = 0
    tier: Tier = Tier.STANDARD

    def reaches(self, tier: Tier) -> bool:
        """Whether it may approve what is this serious."""
        return _HEAVIER.index(tier) <= _HEAVIER.index(self.tier)


@dataclass(frozen=True, slots=True)
class AutoApproval:
    """What one rule offers, asked about something of this tier."""

    rule: str
    ways: tuple[Way, ...]
    tier: Tier = Tier.STANDARD


def parse_auto_approval(text: str) -> tuple[AutoApproval, ...]:
    """The ways of one rule, whose name is filled in by whoever reads the rule. Raises ValueError."""
    ways = tuple(_parse_way(" ".join(part.split())) for part in text.split("|"))
    if len(ways) > MAX_WAYS:
        raise ValueError(f"it has more than {MAX_WAYS} ways")
    return (AutoApproval("", ways),)


def is_still_waived(satisfied: frozenset[str], wanted: tuple[AutoApproval, ...]) -> bool:
    """Whether what rules approved by these ways would need no people by today's rules either."""
    return bool(wanted) and all(
        any(way.text in satisfied and way.reaches(one.tier) for way in one.ways) for one in wanted
    )


def _parse_way(text: str) -> Way:
    values: dict[str, object] = {}
    for part in (one.strip() for one in text.split(",")):
        found = _parse_condition(part)
        if values.keys() & found.keys():
            raise ValueError(f'"{part}" says the same thing twice')
        values |= found
    if not values.keys() - {"tier"}:
        raise ValueError(f'"{text}" {_NOT_A_CONDITION}: a tier alone is no reason')
    return Way(text=text, **values)  # type: ignore[arg-type]  # the names are those of _parse_condition


def _parse_condition(text: str) -> dict[str, object]:
    if match := _ON_CALL.fullmatch(text):
        return {"on_call": match[1]}
    if match := _BEFORE.fullmatch(text):
        if int(match[1]) > MAX_BEFORE_DAYS:
            raise ValueError(f'"{text}" looks back more than {MAX_BEFORE_DAYS} days')
        return {"before_days": int(match[1])}
    if match := _RISK.fullmatch(text):
        return {"risk_below": int(match[1])}
    if match := _TIER.fullmatch(text):
        return {"tier": Tier(match[1])}
    if match := _HOURS.fullmatch(text):
        return {"hours": _hours(match), "hours_text": text}
    raise ValueError(f'"{text}" {_NOT_A_CONDITION}')


def _hours(match: re.Match[str]) -> Hours:
    first, last = DAYS.index(match[1]), DAYS.index(match[2] or match[1])
    days = range(first, last + 1) if first <= last else [*range(first, 7), *range(last + 1)]
    starts, ends = int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6])
    if starts == ends:
        raise ValueError(f'"{match[0]}" has no length')
    try:
        ZoneInfo(match[7])
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ValueError(f'"{match[7]}" is not a time zone such as Europe/Berlin') from exc
    return Hours(frozenset(days), starts, ends, match[7])

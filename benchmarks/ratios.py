"""Medians, spreads, and ratios that are paired per round.

A ratio is taken inside one round, where both sides met the same noise, and only then summarised: the ratio of two
medians would compare two different moments of the machine.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with the smallest and the largest of what it stands for."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def over(cls, values: Iterable[float]) -> Spread | None:
        """None of nothing: a median of no values would be an invention."""
        kept = sorted(values)
        if not kept:
            return None
        return cls(statistics.median(kept), kept[0], kept[-1], len(kept))

    def scaled(self, factor: float) -> Spread:
        """In another unit."""
        return Spread(self.median * factor, self.low * factor, self.high * factor, self.count)


def paired_ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Spread | None:
    """Ours over theirs for each round that has both; below 1 we are cheaper."""
    rounds = ours.keys() & theirs.keys()
    return Spread.over(ours[number] / theirs[number] for number in rounds if theirs[number] > 0)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above (nearest rank). NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]

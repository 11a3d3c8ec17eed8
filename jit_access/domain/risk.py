"""How risky a request looks, as a small sum that a person can check by hand.

Each fact that speaks adds its points and its sentence; the sum is capped. It informs approvers and travels in the
session view; by itself it neither opens nor closes anything, that is policy's part.
"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.domain.operations import Operation, Tier

# House weights: the worst single facts (a critical tier, an agent) weigh as much as two ordinary ones.
_TIER_POINTS = {Tier.STANDARD: 0, Tier.SENSITIVE: 20, Tier.CRITICAL: 40}
WHOLE_MODEL_BYTES = 1 << 30  # from here on a pull is a model, not a tool
LONG_S = 4 * 3600
FIRST_USE_DAYS = 90
OFFICE_HOURS_UTC = range(6, 20)
MAX_SCORE = 100


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What is known when the request is made. Sizes in bytes, `hour` of the day in UTC."""

    tiers: frozenset[Tier]
    operations: frozenset[Operation]
    size_bytes: int
    is_whole_repository: bool  # no tag or digest narrows it
    is_first_use: bool  # no grant of this target within FIRST_USE_DAYS
    lasts_s: int
    is_agent: bool
    hour: int
    is_weekend: bool


@dataclass(frozen=True, slots=True)
class Risk:
    """Score from 0 to 100 and the sentences that make it up, heaviest first."""

    score: int
    reasons: tuple[str, ...]


def score_risk(facts: RiskFacts) -> Risk:
    """Add up what speaks for caution."""
    parts = sorted(_parts(facts), key=lambda part: -part[0])
    return Risk(min(MAX_SCORE, sum(points for points, _ in parts)), tuple(sentence for _, sentence in parts))


def _parts(facts: RiskFacts) -> list[tuple[int, str]]:
    tier = max(facts.tiers, key=lambda item: _TIER_POINTS[item], default=Tier.STANDARD)
    is_large = facts.is_whole_repository and facts.size_bytes >= WHOLE_MODEL_BYTES
    is_off_hours = facts.is_weekend or facts.hour not in OFFICE_HOURS_UTC
    candidates = (
        (tier is not Tier.STANDARD, _TIER_POINTS[tier], f"The repository is {tier}."),
        (Operation.DELETE in facts.operations, 20, "It could delete."),
        (Operation.PUSH in facts.operations, 10, "It could write."),
        (facts.is_agent, 20, "A service account asks."),
        (is_large, 15, "It covers a whole large model."),
        (facts.is_first_use, 10, f"First use of this target in {FIRST_USE_DAYS} days."),
        (facts.lasts_s > LONG_S, 10, "It lasts longer than 4 hours."),
        (is_off_hours, 10, "It is outside office hours (06:00 to 20:00 UTC, Monday to Friday)."),
    )
    return [(points, sentence) for holds, points, sentence in candidates if holds]

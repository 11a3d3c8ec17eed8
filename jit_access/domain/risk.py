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
class RiskReason:
    """One fact that speaks for caution: what it adds, a code that never changes its meaning, a sentence for people."""

    points: int
    code: str
    sentence: str

    def to_wire(self) -> dict[str, int | str]:
        """As it is stored, signed and shown."""
        return {"points": self.points, "code": self.code, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Risk:
    """Score from 0 to 100 and the reasons that make it up, heaviest first."""

    score: int
    reasons: tuple[RiskReason, ...]

    @property
    def wire(self) -> list[dict[str, int | str]]:
        """The reasons as JSON."""
        return [reason.to_wire() for reason in self.reasons]


def score_risk(facts: RiskFacts) -> Risk:
    """Add up what speaks for caution."""
    reasons = sorted(_reasons(facts), key=lambda reason: -reason.points)
    return Risk(min(MAX_SCORE, sum(reason.points for reason in reasons)), tuple(reasons))


def _reasons(facts: RiskFacts) -> list[RiskReason]:
    tier = max(facts.tiers, key=lambda item: _TIER_POINTS[item], default=Tier.STANDARD)
    is_large = facts.is_whole_repository and facts.size_bytes >= WHOLE_MODEL_BYTES
    is_off_hours = facts.is_weekend or facts.hour not in OFFICE_HOURS_UTC
    candidates = (
        (tier is not Tier.STANDARD, _TIER_POINTS[tier], f"tier-{tier}", f"The repository is {tier}."),
        (Operation.DELETE in facts.operations, 20, "delete", "It could delete."),
        (Operation.ADMIN in facts.operations, 20, "admin", "It could rename or remove the repository itself."),
        (Operation.PROMOTE in facts.operations, 15, "promote", "It could change what others load."),
        (Operation.PUSH in facts.operations, 10, "push", "It could write."),
        (facts.is_agent, 20, "agent", "A service account asks."),
        (is_large, 15, "whole-model", "It covers a whole large model."),
        (facts.is_first_use, 10, "first-use", f"First use of this target in {FIRST_USE_DAYS} days."),
        (facts.lasts_s > LONG_S, 10, "long", "It lasts longer than 4 hours."),
        (is_off_hours, 10, "off-hours", "It is outside office hours (06:00 to 20:00 UTC, Monday to Friday)."),
    )
    return [RiskReason(points, code, sentence) for holds, points, code, sentence in candidates if holds]

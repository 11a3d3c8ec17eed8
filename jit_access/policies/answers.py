"""What policy answers, and how the answers of several rules become one: the most restrictive wins.

Peers mix fields of different rules in the subject's favour (TEAM takes the highest duration of all). Here a rule
matches as a whole, and every further rule that matches can only take away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jit_access.domain.decisions import Decision, allow, deny
from jit_access.domain.operations import Staleness, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.auto_approval import AutoApproval
from jit_access.policies.questions import Assurance

APPROVER_FACTOR_MAX_AGE_S = 900  # whoever approves proves it now; house rule, where a rule does not say stricter
# When several questions are refused, the refusal that no other one could mend is named first.
_GRAVEST_FIRST = (
    Reason.POLICY_MISSING,
    Reason.POLICY_BROKEN,
    Reason.ACCOUNT_LOCKED,
    Reason.FORBIDDEN_BY_RULE,
    Reason.NO_RULE_ALLOWS,
    Reason.LASTS_TOO_LONG,
)


@dataclass(frozen=True, slots=True)
class Approval:
    """So many people of one group must agree, in one stage. `group` is a word of `policies.asked`.

    Stages are asked one after the other; their numbers rise and may have gaps.
    """

    group: str
    needed: int
    stage: int = 1

    def __lt__(self, other: Approval) -> bool:
        return (self.stage, self.group, self.needed) < (other.stage, other.group, other.needed)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one rule, or all matching rules together, demand. Zero means: not limited by a rule."""

    lasts_at_most_s: int
    approvals: tuple[Approval, ...] = ()
    factor_max_age_s: int = 0
    approver_factor_max_age_s: int = APPROVER_FACTOR_MAX_AGE_S
    approver_level: Assurance = Assurance.SECOND_FACTOR
    staleness: Staleness = Staleness.STRICT
    byte_budget: int = 0
    request_budget: int = 0
    refused_files: tuple[str, ...] = ()  # words of domain.file_rules, sorted
    auto: tuple[AutoApproval, ...] = ()  # all of these must hold for the approvals to be left out
    break_glass_s: int = 0  # how long without anybody's approval; 0: never
    approve_in_chat: bool = False  # may an approval be a button in a chat? Serious tiers never, whatever this says


NO_TERMS = Terms(lasts_at_most_s=0)


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """The decision, every rule that took part in it, and the terms. `version` is 0 when no policy was there to ask."""

    decision: Decision
    rules: tuple[str, ...] = ()
    terms: Terms = NO_TERMS
    version: int = 0

    @property
    def is_allowed(self) -> bool:
        return self.decision.is_allowed

    @property
    def reason(self) -> Reason:
        return self.decision.reason

    @property
    def lasts_at_most_s(self) -> int:
        return self.terms.lasts_at_most_s

    @property
    def approvals(self) -> tuple[Approval, ...]:
        return self.terms.approvals

    @property
    def factor_max_age_s(self) -> int:
        return self.terms.factor_max_age_s

    @property
    def approver_factor_max_age_s(self) -> int:
        return self.terms.approver_factor_max_age_s

    @property
    def approver_level(self) -> Assurance:
        return self.terms.approver_level

    @property
    def staleness(self) -> Staleness:
        return self.terms.staleness

    @property
    def byte_budget(self) -> int:
        return self.terms.byte_budget

    @property
    def request_budget(self) -> int:
        return self.terms.request_budget

    @property
    def break_glass_s(self) -> int:
        return self.terms.break_glass_s

    @property
    def refused_files(self) -> tuple[str, ...]:
        return self.terms.refused_files


def allowed(rules: Iterable[str], terms: Terms, *, version: int) -> PolicyAnswer:
    """An allow under terms, naming its rules in one stable order."""
    names = tuple(sorted(set(rules)))
    reason = Reason.GRANTED if terms.approvals else Reason.NO_APPROVAL_NEEDED
    return PolicyAnswer(allow(reason, ", ".join(names)), names, terms, version)


def refused(reason: Reason, rules: Iterable[str] = (), *, version: int = 0, terms: Terms = NO_TERMS) -> PolicyAnswer:
    """A refusal, naming the rules that closed the door where there were any."""
    names = tuple(sorted(set(rules)))
    return PolicyAnswer(deny(reason, ", ".join(names)), names, terms, version)


def strictest(terms: Iterable[Terms]) -> Terms:
    """The terms that satisfy all of the given ones. Order does not matter; at least one must be given."""
    every = tuple(terms)
    return Terms(
        auto=_all_auto(every),
        lasts_at_most_s=min(one.lasts_at_most_s for one in every),
        approvals=_all_approvals(every),
        factor_max_age_s=_least_set(one.factor_max_age_s for one in every),
        approver_factor_max_age_s=min(one.approver_factor_max_age_s for one in every),
        approver_level=max(one.approver_level for one in every),
        staleness=Staleness.STRICT
        if any(one.staleness is Staleness.STRICT for one in every)
        else Staleness.BEST_EFFORT,
        byte_budget=_least_set(one.byte_budget for one in every),
        request_budget=_least_set(one.request_budget for one in every),
        refused_files=tuple(sorted({word for one in every for word in one.refused_files})),
        break_glass_s=min(one.break_glass_s for one in every),  # 0 of any one is never
        approve_in_chat=all(one.approve_in_chat for one in every),
    )


def combine(answers: Iterable[PolicyAnswer]) -> PolicyAnswer:
    """One answer to several questions asked together: all must be allowed, under the strictest terms of all."""
    every = tuple(answers)
    if not every:
        return refused(Reason.NO_RULE_ALLOWS)
    refusals = [answer for answer in every if not answer.is_allowed]
    if refusals:
        gravest = min(_gravity(answer.reason) for answer in refusals)
        leading = [answer for answer in refusals if _gravity(answer.reason) == gravest]
        rules = (name for answer in leading for name in answer.rules)
        return refused(leading[0].reason, rules, version=every[0].version)
    rules = (name for answer in every for name in answer.rules)
    return allowed(rules, strictest(answer.terms for answer in every), version=every[0].version)


def check_duration(answer: PolicyAnswer, lasts_s: int) -> PolicyAnswer:
    """Refuse what is allowed as such but not for so long. The terms stay, so that the allowed maximum can be shown."""
    if not answer.is_allowed or 0 < lasts_s <= answer.lasts_at_most_s:
        return answer
    return replace(answer, decision=deny(Reason.LASTS_TOO_LONG, answer.decision.rule))


def without_people(answer: PolicyAnswer) -> PolicyAnswer:
    """The same answer where rules approved by themselves."""
    return replace(answer, terms=replace(answer.terms, approvals=(), auto=()))


def at_tier(terms: Terms, tier: Tier) -> Terms:
    """The terms for something of this tier: up to where a rule approves by itself depends on it."""
    return replace(terms, auto=tuple(replace(one, tier=tier) for one in terms.auto)) if terms.auto else terms


def _all_auto(every: tuple[Terms, ...]) -> tuple[AutoApproval, ...]:
    """Rules that ask people and offer no way of their own are answered by people, whatever others offer."""
    if any(one.approvals and not one.auto for one in every):
        return ()
    found = {auto for one in every for auto in one.auto}
    return tuple(sorted(found, key=lambda auto: (auto.rule, auto.tier, [way.text for way in auto.ways])))


def approval_words(approvals: Iterable[Approval]) -> str:
    """As a rule writes it: `1 of manager; 1 of model-owners, 2 of security`, or `nobody`."""
    stages: dict[int, list[str]] = {}
    for one in sorted(approvals):
        stages.setdefault(one.stage, []).append(f"{one.needed} of {one.group}")
    return "; ".join(", ".join(parts) for parts in stages.values()) or "nobody"


def numbered(approvals: Iterable[Approval]) -> tuple[Approval, ...]:
    """The same approvals with their stages counted from 1 without gaps, in order."""
    every = sorted(approvals)
    numbers = {stage: number for number, stage in enumerate(sorted({one.stage for one in every}), start=1)}
    return tuple(replace(one, stage=numbers[one.stage]) for one in every)


def _all_approvals(every: tuple[Terms, ...]) -> tuple[Approval, ...]:
    """Everybody whom any rule asks, once: the largest number of all, in the latest stage of all (ADR 0023)."""
    asked: dict[str, Approval] = {}
    for approval in (one for terms in every for one in terms.approvals):
        held = asked.get(approval.group, approval)
        needed, stage = max(held.needed, approval.needed), max(held.stage, approval.stage)
        asked[approval.group] = Approval(approval.group, needed, stage)
    return tuple(sorted(asked.values()))


def _least_set(values: Iterable[int]) -> int:
    return min((value for value in values if value > 0), default=0)


def _gravity(reason: Reason) -> int:
    return _GRAVEST_FIRST.index(reason) if reason in _GRAVEST_FIRST else 0

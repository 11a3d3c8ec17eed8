"""Whether rules approve a request by themselves, and why or why not: every condition with its sentence.

Every rule that asks for people must offer a way that holds; what one of them asks of people, people answer. A denial by
a person beats it, and an extension is always asked of people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from jit_access.access_requests.drafts import RequestDraft
from jit_access.access_requests.models import AccessRequest, OnCallShift
from jit_access.accounts.models import User
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.risk import Risk
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.grants.models import Grant
from jit_access.policies.answers import PolicyAnswer
from jit_access.policies.auto_approval import AutoApproval, Way

DENIAL_COUNTS_DAYS = 7
_TAKEN_AWAY = frozenset(
    {
        Reason.GRANT_REVOKED,
        Reason.ACCOUNT_LOCKED,
        Reason.AGENT_WITHOUT_OWNER,
        Reason.GROUP_MEMBERSHIP_LOST,
        Reason.TOKEN_COPIED,
        Reason.TOKEN_LEAKED,
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is asked for, in a sentence, and whether it is so."""

    sentence: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, and the way of it that holds, or that is nearest to it."""

    rule: str
    way: str
    conditions: tuple[Condition, ...]

    @property
    def is_met(self) -> bool:
        return all(condition.is_met for condition in self.conditions)

    def to_wire(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {"rule": self.rule, "way": self.way, "conditions": [one.sentence for one in self.conditions]}


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks what, and when."""

    actor: User
    draft: RequestDraft
    risk: Risk
    now: datetime
    is_extension: bool = False


def findings_of(asking: Asking, answer: PolicyAnswer) -> tuple[Finding, ...]:
    """What each rule that could approve by itself finds. Nothing where no rule could, or one asks people only."""
    if not answer.is_allowed or not answer.approvals:
        return ()
    always = (_not_denied(asking), _no_extension(asking))
    return tuple(_nearest(asking, one, always) for one in answer.terms.auto)


def approves(findings: tuple[Finding, ...]) -> bool:
    """True when all of the rules approve."""
    return bool(findings) and all(finding.is_met for finding in findings)


def _nearest(asking: Asking, offered: AutoApproval, always: tuple[Condition, ...]) -> Finding:
    found = [
        Finding(offered.rule, way.text, (*_conditions(asking, way), _tier(way, offered), *always))
        for way in offered.ways
    ]
    return min(found, key=lambda finding: sum(not one.is_met for one in finding.conditions))


def _conditions(asking: Asking, way: Way) -> Iterator[Condition]:
    name = asking.actor.display_name
    if way.on_call:
        shift = _shift(asking, way.on_call)
        until = f" until {shift.ends_at:%d %b %H:%M} UTC" if shift else ""
        yield Condition(f"{name} is{'' if shift else ' not'} on call for {way.on_call}{until}.", shift is not None)
    if way.hours is not None:
        is_met = way.hours.hold(asking.now)
        yield Condition(f"It is{'' if is_met else ' not'} {way.hours_text} now.", is_met)
    if way.before_days:
        earlier = _approved_before(asking, way.before_days)
        said = f"{earlier.decided_at:%d %b}" if earlier and earlier.decided_at else ""
        yield Condition(
            f"People approved the same, for as long, on {said} ({earlier.public_id})."
            if earlier
            else f"People approved nothing the same, for as long, within {way.before_days} days.",
            earlier is not None,
        )
    if way.risk_below:
        score, is_met = asking.risk.score, asking.risk.score < way.risk_below
        yield Condition(f"The risk is {score}{'' if is_met else ', not'} below {way.risk_below}.", is_met)


def _tier(way: Way, offered: AutoApproval) -> Condition:
    is_met = way.reaches(offered.tier)
    more = "" if is_met else f", and the rule approves by itself up to {way.tier} only"
    return Condition(f"What is asked is {offered.tier}{more}.", is_met)


def _not_denied(asking: Asking) -> Condition:
    since = asking.now - timedelta(days=DENIAL_COUNTS_DAYS)
    denied = _earlier(asking, since).filter(state=RequestState.DENIED)
    names = _names(asking.draft.scope)
    is_denied = any(names & _names(parse_scope(row.scope)) for row in denied)
    # Otherwise whoever was cut asks again, and the rule gives it back at once.
    is_revoked = _is_taken_away(asking, since, frozenset({Reason.GRANT_REVOKED}))
    who = "A person denied" if is_denied else "A person revoked" if is_revoked else "Nobody denied"
    return Condition(f"{who} something of this within {DENIAL_COUNTS_DAYS} days.", not (is_denied or is_revoked))


def _no_extension(asking: Asking) -> Condition:
    is_met = asking.draft.extends is None and not asking.is_extension
    return Condition("It is a request of its own." if is_met else "An extension is asked of people.", is_met)


def _shift(asking: Asking, schedule: str) -> OnCallShift | None:
    rows = OnCallShift.objects.filter(schedule=schedule, person=asking.actor, ended_at=None)
    return rows.filter(starts_at__lte=asking.now, ends_at__gt=asking.now).order_by("-ends_at").first()


def _approved_before(asking: Asking, days: int) -> AccessRequest | None:
    """The newest one that people approved, of exactly this, not shorter, and that was not taken away."""
    wire = asking.draft.scope.to_wire()
    rows = _earlier(asking, asking.now - timedelta(days=days)).filter(
        state=RequestState.APPROVED, lasts_s__gte=asking.draft.lasts_s, end_reason=Reason.APPROVED
    )
    for row in rows:
        if row.scope == wire and row.decided_at and row.verdicts.filter(is_approval=True).exists():
            return None if _is_taken_away(asking, row.decided_at, _TAKEN_AWAY) else row
    return None


def _is_taken_away(asking: Asking, since: datetime, reasons: frozenset[Reason]) -> bool:
    """Some of it was, whichever grant held it by then: an extension, a shorter one, one that a rule approved."""
    rows = Grant.objects.filter(subject=asking.actor, target=asking.draft.target, ended_at__gt=since)
    names = _names(asking.draft.scope)
    return any(names & _names(parse_scope(row.scope)) for row in rows.filter(end_reason__in=reasons))


def _earlier(asking: Asking, since: datetime) -> QuerySet[AccessRequest]:
    rows = AccessRequest.objects.filter(requester=asking.actor, target=asking.draft.target, decided_at__gt=since)
    return rows.order_by("-decided_at", "-pk")


def _names(scope: Scope) -> set[str]:
    return {part.repository for part in scope.resources}

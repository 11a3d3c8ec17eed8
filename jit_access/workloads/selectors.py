"""Reads of issuers and trusts. Whether a trust counts is a comparison with the database's clock, each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Q, QuerySet

from jit_access.accounts.models import AccountKind, User
from jit_access.accounts.standing import why_stopped
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.locks import Ground
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import OPERATORS, SECURITY
from jit_access.locks.selectors import ground_of_account, locks_on
from jit_access.workloads.kinds import RULES, IssuerKind
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust


def standing_issuers() -> QuerySet[TrustedIssuer]:
    """Those whose tokens are looked at."""
    return TrustedIssuer.objects.filter(retired_at=None).order_by("name", "pk")


def trusts_of(agent: User) -> QuerySet[WorkloadTrust]:
    """Every trust in a workload of this agent, newest first."""
    rows = WorkloadTrust.objects.filter(agent=agent).order_by("-pk")
    return rows.select_related("agent__owner", "issuer", "proposed_by", "confirmed_by")


def waiting_trusts(now: datetime) -> QuerySet[WorkloadTrust]:
    """Those that somebody has yet to confirm, oldest first."""
    rows = WorkloadTrust.objects.filter(state=TrustState.PROPOSED, confirm_by__gt=now).order_by("pk")
    return rows.select_related("agent__owner", "issuer", "proposed_by")


def confirmers_of(trust: WorkloadTrust) -> QuerySet[User]:
    """The people who could confirm it."""
    rows = User.objects.filter(groups__name__in=[OPERATORS, SECURITY], is_active=True, kind=AccountKind.PERSON)
    return rows.exclude(Q(pk=trust.proposed_by_id) | Q(pk=trust.agent.owner_id)).distinct().order_by("pk")


def matching_trusts(issuer: TrustedIssuer, facts: Mapping[str, str], now: datetime) -> tuple[WorkloadTrust, ...]:
    """The confirmed trusts that this workload fits, each the closest for its agent.

    Those that are over come back only where no other fits, so that whoever is known learns why nothing is given.
    """
    needed = [rule.name for rule in RULES[IssuerKind(issuer.kind)].needed]
    if any(name not in facts for name in needed):
        return ()
    # The database picks the few rows with these ids; whether all of a row fits is decided here, exactly.
    ids = {f"claims__{name}": facts[name] for name in needed}
    rows = WorkloadTrust.objects.filter(issuer=issuer, state=TrustState.ACTIVE, **ids).order_by("pk")
    fitting = [trust for trust in rows.select_related("agent__owner", "issuer") if fits(trust.claims, facts)]
    counting = [trust for trust in fitting if trust.counts_at(now) and trust.agent.owner_id == trust.proposed_by_id]
    pool = counting or fitting
    return tuple(trust for trust in pool if not _is_outdone(trust, pool))


def fits(pins: Mapping[str, str], facts: Mapping[str, str]) -> bool:
    """True when every pinned claim is there with exactly this value. Nothing pinned fits nobody."""
    return bool(pins) and all(facts.get(name) == value for name, value in pins.items())


def fault_of(trust: WorkloadTrust, now: datetime) -> Reason | None:
    """Why nothing may be got under this trust, or None."""
    is_over = not trust.counts_at(now) or trust.issuer.retired_at is not None
    if is_over or trust.agent.owner_id != trust.proposed_by_id:  # another owner has to trust it anew
        return Reason.TRUST_ENDED
    if (stopped := why_stopped(trust.agent)) is not None:
        return stopped
    return Reason.LOCKED if locks_on(ground_of_trust(trust)) else None


def ground_of_trust(trust: WorkloadTrust) -> Ground:
    """What a lock could name to stop it: the trust itself, the agent, whoever answers for it."""
    account = ground_of_account(trust.agent)
    return Ground(accounts=account.accounts, credentials=frozenset({trust.public_id}))


def _is_outdone(trust: WorkloadTrust, others: Iterable[WorkloadTrust]) -> bool:
    """Another one of the same agent pins all of this and more, so it was made for exactly this workload; or is its
    successor."""
    return any(
        other.agent_id == trust.agent_id
        and (trust.claims.keys() < other.claims.keys() or (trust.claims == other.claims and trust.pk < other.pk))
        for other in others
    )

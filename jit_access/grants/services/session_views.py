"""What the proxies are told about a grant. Composed here, numbered and sent by `proxy_sessions`."""

from __future__ import annotations

from django.db.models import Q

from jit_access.credentials.models import CredentialLease
from jit_access.domain.lifecycle import LIVE_LEASE_STATES, GrantState, LeaseState
from jit_access.domain.operations import Staleness, Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.domain.session_view import LeaseFacts, LockedLease, RepositoryFacts, SessionView, ViewState
from jit_access.grants.grounds import lease_locks, locks_of
from jit_access.grants.models import Grant
from jit_access.locks.models import Lock
from jit_access.locks.selectors import ends_at, standing_locks
from jit_access.proxy_sessions.services import put_views
from jit_access.targets.tiers import tiers_of

_STATES = {GrantState.ACTIVE: ViewState.OPEN, GrantState.SUSPENDED: ViewState.PAUSED}


def push_views(*grants: Grant) -> None:
    """Tell the proxies about all of these at once. Call it in the transaction that made it true."""
    put_views([compose_view(grant) for grant in grants])


def compose_view(grant: Grant) -> SessionView:
    """The frozen facts about one grant as they are now. Its epoch is given when it is put."""
    state = _STATES.get(GrantState(grant.state), ViewState.CLOSED)
    scope = parse_scope(grant.scope)
    begins = grant.activated_at or grant.created_at
    ends = grant.valid_until or begins
    leases = _leases(grant, state)
    standing = () if state is ViewState.CLOSED else standing_locks()
    return SessionView(
        grant_id=grant.public_id,
        epoch=0,
        state=state,
        reason=_reason(grant, state),
        actor_id=grant.subject.public_id,
        actor_name=grant.subject.display_name,
        actor_kind=grant.subject.kind,
        target=grant.target.slug,
        scope=scope,
        repositories=_repositories(grant, scope),
        leases=leases,
        valid_from=begins.timestamp(),
        valid_until=ends.timestamp(),
        rule=grant.rule,
        risk=grant.risk,
        byte_budget=grant.byte_budget,
        request_budget=grant.request_budget,
        refused_files=tuple(grant.refused_files),
        envelope=grant.envelope,
        locked_leases=tuple(
            LockedLease(lease_id, 0.0 if lock.until is None else lock.until.timestamp())
            for lease_id, lock in lease_locks(standing, (lease.lease_id for lease in leases)).items()
        ),
        reopens_at=_reopens_at(grant, state, standing),
    )


def _reason(grant: Grant, state: ViewState) -> Reason:
    if state is ViewState.OPEN:
        return Reason.GRANTED
    if state is ViewState.PAUSED:
        return Reason.GRANT_SUSPENDED if grant.is_held else Reason.LOCKED
    return Reason(grant.end_reason) if grant.end_reason else Reason.GRANT_NOT_ACTIVE


def _reopens_at(grant: Grant, state: ViewState, standing: tuple[Lock, ...]) -> float:
    """When a pause by locks is over by itself, so that proxies let it go on without being told. 0: not by itself."""
    if state is not ViewState.PAUSED or grant.is_held:
        return 0.0
    covering = locks_of(grant, standing)
    end = ends_at(covering) if covering else grant.activated_at  # none left: it is over already
    return 0.0 if end is None else end.timestamp()


def _repositories(grant: Grant, scope: Scope) -> tuple[RepositoryFacts, ...]:
    names = [resource.repository for resource in scope.resources]
    tiers = tiers_of(grant.target, names)
    facts = []
    for name in names:
        # A repository that nobody has rated counts as the worst.
        tier = tiers.get(name, Tier.CRITICAL)
        facts.append(RepositoryFacts(name, tier, tier is not Tier.STANDARD, Staleness(grant.staleness)))
    return tuple(facts)


def _leases(grant: Grant, state: ViewState) -> tuple[LeaseFacts, ...]:
    """Live tokens; and of a closed grant those that closed with it, so that their holder is told why."""
    wanted = Q(state__in=LIVE_LEASE_STATES)
    if state is ViewState.CLOSED:
        wanted |= Q(end_reason=grant.end_reason) & ~Q(state=LeaseState.EXPIRED)
    leases = CredentialLease.objects.filter(wanted, grant_id=grant.pk).order_by("pk")
    return tuple(LeaseFacts(lease.public_id, lease.token_hash, lease.valid_until.timestamp()) for lease in leases)

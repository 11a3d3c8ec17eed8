"""How grants begin: made by an approval, started by their holder.

Between the claim and the target's answer anything may happen, above all a revocation. So a start has two
transactions with the target's call between them, and the second one looks again before it opens the door.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from jit_access.accounts.models import User
from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.credentials import services as credentials
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.errors import Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import claims, selectors, upstream
from jit_access.grants.agreed_beforehand import refuse_other_workload
from jit_access.grants.changes import announce, move_grant
from jit_access.grants.grounds import locks_of
from jit_access.grants.jobs import FINISH_REVOCATION, enqueue_after_commit
from jit_access.grants.models import Entitlement, Grant
from jit_access.grants.policy import ask_about, judge
from jit_access.grants.proofs import check_freshness, proof_of
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.services.ending import Ending, close_grant
from jit_access.grants.services.locking import settle_locked
from jit_access.grants.services.removal import remove_access_of
from jit_access.grants.services.session_views import push_views
from jit_access.grants.tickets import ticket_refusal
from jit_access.locks.selectors import refusal_by
from jit_access.locks.turns import wait_for_locks
from jit_access.mfa.assurance import Assurance
from jit_access.policies.questions import Phase
from jit_access.proxy_sessions.pins import carry_pins
from jit_access.targets.models import Target

CLAIM_S = 90  # longer than a connector's whole conversation may take (60 s); then the worker counts as dead


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """What was agreed on, and nothing else: the grant is made from this alone."""

    request_id: int
    subject: User
    target: Target
    scope: list[dict[str, list[str] | str]]
    lasts_s: int
    start_by: datetime
    rule: str
    factor_max_age_s: int
    staleness: str
    byte_budget: int
    risk: int
    extends_id: int | None = None
    request_budget: int = 0
    refused_files: tuple[str, ...] = ()
    is_break_glass: bool = False
    not_before: datetime | None = None
    envelope: str = ""


def create_from_request(*, actor: ActorRef, order: GrantOrder) -> Grant:
    """Make the one grant of an approved request, in the transaction of the approval. Its clock does not run yet.

    Raises: IntegrityError when the request has a grant already (a bug: the request's row lock forbids it).
    """
    with audited(actor=actor) as audit:
        grant = Grant.objects.create(
            request_id=order.request_id,
            subject=order.subject,
            target=order.target,
            scope=order.scope,
            lasts_s=order.lasts_s,
            start_by=order.start_by,
            not_before=order.not_before,
            rule=order.rule[:200],
            factor_max_age_s=order.factor_max_age_s,
            staleness=order.staleness,
            byte_budget=order.byte_budget,
            request_budget=order.request_budget,
            refused_files=list(order.refused_files),
            risk=order.risk,
            extends_id=order.extends_id,
            is_break_glass=order.is_break_glass,
            envelope=order.envelope,
        )
        inside: dict[str, str | int | bool] = {"envelope": order.envelope} if order.envelope else {}
        audit.record(
            "grant.created",
            request=grant.request.public_id,
            grant=grant.public_id,
            target=order.target.slug,
            rule=grant.rule,
            detail={"subject": order.subject.public_id, "lasts_s": order.lasts_s, **inside},
        )
        announce(grant)
    return grant


def activate_grant(*, actor: User, grant: Grant, assurance: Assurance) -> Grant:
    """Start the clock. Only the holder can; a repeat gives the grant as it is.

    Raises: NotFound for anybody else; PolicyRefusal when policy, the factor or an exposed access says no;
    Conflict (start-too-late, grant-not-active, the end's own reason); PeerError when the target did not play along.
    """
    with refusals_recorded(actor=actor.ref, kind="grant.activate", grant=grant.public_id):
        _end_if_too_late(grant)
        claimed, entitlements = _begin(actor, grant, assurance)
        if claimed.state != GrantState.ACTIVATING:
            return claimed
        try:
            upstream.ensure_access(claimed, entitlements)
        except GatewayError:
            _compensate(claimed)
            raise
        return _open(actor, claimed)


def _end_if_too_late(grant: Grant) -> None:
    with audited(actor=GATEWAY):
        locked = selectors.lock_grant(grant.pk)
        if locked.state == GrantState.SCHEDULED and clock.now() >= locked.start_by:
            close_grant(locked, Ending(Reason.START_TOO_LATE))


def _begin(actor: User, grant: Grant, assurance: Assurance) -> tuple[Grant, tuple[Entitlement, ...]]:
    with audited(actor=actor.ref) as audit:
        locked = selectors.lock_grant(grant.pk)
        if locked.subject_id != actor.pk:
            raise NotFound
        if locked.state in {GrantState.ACTIVE, GrantState.ACTIVATING}:
            return locked, ()
        if locked.state != GrantState.SCHEDULED:
            raise Conflict(Reason(locked.end_reason) if locked.end_reason else Reason.GRANT_NOT_ACTIVE)
        locked.started_in, locked.started_on = assurance.session, assurance.device
        _check_may_start(locked, assurance)
        # Nothing has to exist at the target yet for this row to be the intent: if we die now, it is compensated.
        level = int(assurance.level) if actor.is_person else locked.proved_level
        move_grant(
            locked,
            GrantState.ACTIVATING,
            claimed_until=clock.now() + timedelta(seconds=CLAIM_S),
            proved_level=level,
            started_in=assurance.session,
            started_on=assurance.device,
        )
        entitlements = claims.claim_scope(locked)
        audit.record("grant.activating", grant=locked.public_id, target=locked.target.slug, rule=locked.rule)
    return locked, entitlements


def _check_may_start(grant: Grant, assurance: Assurance) -> None:
    if (closed := ticket_refusal(grant.request.ticket)) is not None:
        raise PolicyRefusal(closed)
    if grant.not_before is not None and clock.now() < grant.not_before:
        raise Conflict(Reason.START_TOO_EARLY, not_before=clock.format_instant(grant.not_before))
    if selectors.exposed_grants(subject_id=grant.subject_id, target_id=grant.target_id).exists():
        raise PolicyRefusal(Reason.EXPOSED_ELSEWHERE)
    if (refusal := refusal_by(locks_of(grant))) is not None:
        raise refusal
    if grant.extends is not None and grant.extends.state == GrantState.SUSPENDED:
        raise PolicyRefusal(Reason.GRANT_SUSPENDED)  # a pause must not be left by way of an extension
    if grant.subject.is_person:
        check_freshness(assurance, max_age_s=grant.factor_max_age_s)
    answer = ask_about(grant, Phase.ACTIVATE, proof_of(assurance))
    refuse_other_workload(grant, assurance.workload)
    decision = judge(grant, answer, Phase.ACTIVATE)
    if not decision.is_allowed:
        raise PolicyRefusal(decision.reason, rule=decision.rule)
    if grant.subject.is_person:
        check_freshness(assurance, max_age_s=answer.factor_max_age_s)


def _open(actor: User, claimed: Grant) -> Grant:
    with audited(actor=actor.ref) as audit:
        wait_for_locks()
        older = _lock_extended(claimed)
        locked = selectors.lock_grant(claimed.pk)
        if locked.state == GrantState.ACTIVATING and older is not None and older.state == GrantState.SUSPENDED:
            close_grant(locked, Ending(Reason.GRANT_SUSPENDED))
        if locked.state == GrantState.ACTIVATING:
            _start_clock(audit, locked, older)
    if locked.state == GrantState.SUSPENDED:
        raise refusal_by(locks_of(locked)) or PolicyRefusal(Reason.LOCKED)
    if locked.state != GrantState.ACTIVE:
        _hand_to_revocation(locked)
        raise Conflict(Reason(locked.end_reason) if locked.end_reason else Reason.STATE_CHANGED)
    return locked


def _hand_to_revocation(grant: Grant) -> None:
    """Ended while the target answered (Glide stops here and leaves the access standing): now it can be taken away."""
    with audited(actor=GATEWAY):
        ours = Grant.objects.filter(pk=grant.pk, state=GrantState.REVOKING)
        ours.update(claimed_until=None, next_attempt_at=clock.now())
        enqueue_after_commit(FINISH_REVOCATION, grant.pk)


def _start_clock(audit: Recorder, grant: Grant, older: Grant | None) -> None:
    now = clock.now()
    until = now + timedelta(seconds=grant.lasts_s)
    move_grant(grant, GrantState.ACTIVE, activated_at=now, valid_until=until, claimed_until=None)
    audit.record(
        "grant.activated",
        reason=Reason.GRANTED,
        decision="allow",
        request=grant.request.public_id,
        grant=grant.public_id,
        target=grant.target.slug,
        rule=grant.rule,
        detail={"until": clock.format_instant(until)},
    )
    if settle_locked(grant):
        return  # locked while the target answered: it was never open, and its clock runs
    if older is not None and older.state == GrantState.ACTIVE and now < selectors.end_of(older):
        _take_over(audit, older, grant, until)
    else:
        push_views(grant)


def _lock_extended(grant: Grant) -> Grant | None:
    """The grant that this one extends. Locked before it: smaller ids first, as everywhere."""
    return None if grant.extends_id is None else selectors.lock_grant(grant.extends_id)


def _take_over(audit: Recorder, older: Grant, newer: Grant, until: datetime) -> None:
    """Both views travel in one message, so a running stream finds its token in the newer one and goes on."""
    now = newer.activated_at
    carry_pins(older=older.public_id, newer=newer.public_id)
    credentials.hand_over(old_grant_id=older.pk, new_grant_id=newer.pk, valid_until=until)
    move_grant(
        older,
        GrantState.REVOKING,
        end_reason=Reason.GRANT_EXTENDED,
        ended_at=now,
        ended_by=newer.subject,
        next_attempt_at=now,
        claimed_until=None,
    )
    audit.record(
        "grant.extended",
        reason=Reason.GRANT_EXTENDED,
        grant=older.public_id,
        target=older.target.slug,
        detail={"by": newer.public_id},
    )
    push_views(older, newer)


def _compensate(claimed: Grant) -> None:
    """The target may or may not have made something: whatever it was, take it away, now or until it works."""
    try:
        remove_access_of(claimed, conclude=_conclude_failure)
    except Conflict:
        _hand_to_revocation(claimed)  # revoked meanwhile: that revocation does the same work
    except GatewayError:
        with audited(actor=GATEWAY):
            close_grant(selectors.lock_grant(claimed.pk), Ending(Reason.UPSTREAM_AWAY))
        _hand_to_revocation(claimed)


def _conclude_failure(locked: Grant, audit: Recorder) -> None:
    move_grant(
        locked,
        GrantState.ACTIVATION_FAILED,
        ended_at=clock.now(),
        end_reason=Reason.UPSTREAM_AWAY,
        claimed_until=None,
    )
    audit.record(
        "grant.activation_failed", reason=Reason.UPSTREAM_AWAY, grant=locked.public_id, target=locked.target.slug
    )

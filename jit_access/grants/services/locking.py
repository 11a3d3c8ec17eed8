"""What a lock does to grants: they pause when one is placed on what they rest on, and go on when the last one is over.

Time that a pause takes is not given back, and a grant that runs out while it is paused has ended. All of it happens in
the transaction in which the lock is placed or lifted, under the grants' row locks, smaller ids first as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog
from django.db.models import Q, QuerySet

from jit_access.accounts.models import User
from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.credentials.models import CredentialLease
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, GatewayError, PolicyRefusal
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.changes import move_grant
from jit_access.grants.grounds import locks_of
from jit_access.grants.lockable import holder_of
from jit_access.grants.models import Grant
from jit_access.grants.news import tell_holder_of_pause, tell_security_of_lock
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.services.session_views import push_views
from jit_access.locks import services as locks
from jit_access.locks.access import require_security
from jit_access.locks.models import Lock
from jit_access.locks.selectors import standing_locks
from jit_access.locks.services import LockOrder
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, check_fresh

BATCH = 200  # grants whose views travel in one message
_PAUSABLE = (GrantState.ACTIVE, GrantState.SUSPENDED)
_LOCKABLE = (GrantState.SCHEDULED, GrantState.ACTIVATING, *_PAUSABLE)

log = structlog.get_logger(__name__)


def place_lock(*, actor: User, order: LockOrder, assurance: Assurance) -> Lock:
    """Stop something at once: security only, with a fresh second factor and a reason.

    Raises: NotFound for anybody else; PolicyRefusal (second-factor-…); CallerError for what was typed, and for
    locking oneself out.
    """
    with refusals_recorded(actor=actor.ref, kind="lock.place"):
        require_security(actor)
        check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)
        if order.facts.axis is LockAxis.PERSON and order.facts.key == actor.public_id:
            raise CallerError(Reason.INVALID_INPUT, "You cannot lock yourself: you could not lift it.")
        return locks.place(actor=actor.ref, order=order, person=actor)


def lift_lock(*, actor: User, lock: Lock, assurance: Assurance, note: str = "") -> Lock:
    """Undo a lock: security only, with a fresh second factor. A repeat changes nothing.

    What somebody else locked of one's own, a third person looks at. Raises as `place_lock`, and own-request then.
    """
    with refusals_recorded(actor=actor.ref, kind="lock.lift"):
        require_security(actor)
        check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)
        if is_on_oneself(actor, lock):
            raise PolicyRefusal(Reason.OWN_REQUEST, "This lock is on what is yours. Ask another person in security.")
        return locks.lift(actor=actor.ref, lock=lock, note=note)


def is_on_oneself(actor: User, lock: Lock) -> bool:
    """True when somebody else locked something of this person's. What one locked oneself, one may take back."""
    if lock.placed_by_id == actor.pk:
        return False
    holder = holder_of(lock.facts)
    return holder is not None and holder.pk == actor.pk


def grants_under(facts: LockFacts) -> tuple[Grant, ...]:
    """What a lock with these facts would stop now: for its preview. Locks nothing."""
    probe = Lock(axis=facts.axis, key=facts.key, resource=facts.resource)
    rows = selectors.with_related(_candidates(facts)).order_by("pk")
    if facts.axis is LockAxis.CREDENTIAL:
        return tuple(rows)
    return tuple(grant for grant in rows if locks_of(grant, (probe,)))


def apply_lock(lock: Lock) -> None:
    """A lock was placed or is over: settle every grant that it names. Handler of `locks.changes`."""
    ids = list(_candidates(lock.facts).order_by("pk").values_list("pk", flat=True))
    for begin in range(0, len(ids), BATCH):
        with audited(actor=GATEWAY) as audit:
            rows = _lock_rows(ids[begin : begin + BATCH])
            standing = standing_locks()  # only now that the rows are held: another lock may have come before us
            for grant in rows:
                _settle(audit, grant, standing)
            # Not only what moved: a second lock moves the end of a pause, and a locked token stands in the view alone.
            push_views(*(grant for grant in rows if grant.state in _PAUSABLE))
    if lock.lifted_at is None and lock.ran_out_at is None:
        tell_security_of_lock(lock)


def settle_locked(grant: Grant) -> bool:
    """Pause or take up one locked grant, as the locks that stand now say. True when it moved.

    Whoever asks for something of a grant calls this first: a lock that ran out stops nothing, with or without a sweep.
    """
    with audited(actor=GATEWAY) as audit:
        if not _settle(audit, grant, standing_locks()):
            return False
        push_views(grant)
    return True


def settle_locks() -> int:
    """What time and changed facts did to locks: note those that ran out, take up what they held, pause what is missed.

    For the beat; nothing that must stop waits for it. Returns how many grants moved.
    """
    locks.note_ran_out()
    standing = standing_locks()
    paused = Grant.objects.filter(state=GrantState.SUSPENDED, is_held=False)
    moved = sum(_settle_alone(pk) for pk in paused.order_by("pk").values_list("pk", flat=True))
    if any(lock.axis != LockAxis.CREDENTIAL for lock in standing):
        running = selectors.with_related(Grant.objects.filter(state=GrantState.ACTIVE)).order_by("pk")
        missed = [grant.pk for grant in running if locks_of(grant, standing)]
        moved += sum(map(_settle_alone, missed))
    return moved


def _settle_alone(pk: int) -> bool:
    try:
        with audited(actor=GATEWAY):
            return settle_locked(selectors.lock_grant(pk))
    except GatewayError:
        # One row that cannot be told of must not keep the sweep from the others.
        log.exception("grant.settling_failed", grant=pk)
        return False


def _settle(audit: Recorder, grant: Grant, standing: Iterable[Lock]) -> bool:
    if grant.state not in _PAUSABLE:
        return False
    covering = locks_of(grant, standing)
    for lock in covering:
        locks.note_hit(lock=lock, grant_id=grant.public_id)
    if covering and grant.state == GrantState.ACTIVE:
        move_grant(grant, GrantState.SUSPENDED)
        _record(audit, "grant.suspended", Reason.LOCKED, grant, covering)
        tell_holder_of_pause(grant, covering[0])
        return True
    is_over = clock.now() >= selectors.end_of(grant)
    if not covering and grant.state == GrantState.SUSPENDED and not grant.is_held and not is_over:
        move_grant(grant, GrantState.ACTIVE)
        _record(audit, "grant.resumed", Reason.GRANTED, grant, ())
        return True
    return False


def _record(audit: Recorder, kind: str, reason: Reason, grant: Grant, covering: tuple[Lock, ...]) -> None:
    audit.record(
        kind,
        reason=reason,
        request=grant.request.public_id,
        grant=grant.public_id,
        target=grant.target.slug,
        detail={"locks": ", ".join(lock.public_id for lock in covering)},
    )


def _lock_rows(ids: list[int]) -> list[Grant]:
    rows = Grant.objects.filter(pk__in=ids).order_by("pk")
    return list(rows.select_for_update(of=("self",), no_key=True).select_related("subject", "target", "request"))


def _candidates(facts: LockFacts) -> QuerySet[Grant]:
    """Every live grant that such a lock might name; `locks_of` says which it does."""
    live = Grant.objects.filter(state__in=_LOCKABLE)
    by_axis: dict[LockAxis, Callable[[], Q]] = {
        LockAxis.CREDENTIAL: lambda: Q(pk__in=CredentialLease.objects.filter(public_id=facts.key).values("grant_id")),
        LockAxis.GRANT: lambda: Q(pk__in=_successors(Q(public_id=facts.key))),
        LockAxis.SESSION: lambda: Q(pk__in=_successors(Q(started_in=facts.key))),
        LockAxis.DEVICE: lambda: Q(pk__in=_successors(Q(started_on=facts.resource))),
        LockAxis.PERSON: lambda: Q(subject__public_id=facts.key) | Q(subject__owner__public_id=facts.key),
        LockAxis.AGENT: lambda: Q(subject__public_id=facts.key),
        LockAxis.TARGET: lambda: Q(target__public_id=facts.key),
        LockAxis.RESOURCE: lambda: Q(target__public_id=facts.key),
        LockAxis.TIER: Q,
    }
    return live.filter(by_axis[facts.axis]())


def _successors(first: Q) -> list[int]:
    """Grants and what extends them, in whatever number of steps."""
    found = list(Grant.objects.filter(first).values_list("pk", flat=True))
    newest = found
    while newest:
        newest = list(Grant.objects.filter(extends__in=newest).values_list("pk", flat=True))
        found += newest
    return found

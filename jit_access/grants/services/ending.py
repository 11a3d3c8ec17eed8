"""How grants end. The door is shut first, in one transaction with the view; work at the target comes after.

When two events meet, the row lock orders them and whatever ends access wins: an end is never undone or overwritten.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jit_access.accounts.models import User
from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.credentials import services as credentials
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.access import may_revoke
from jit_access.grants.changes import move_grant
from jit_access.grants.grounds import locks_of
from jit_access.grants.jobs import FINISH_REVOCATION, enqueue_after_commit
from jit_access.grants.models import Grant
from jit_access.grants.news import cry_cuts, tell_holder_of_end
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.services.session_views import push_views

MAX_NOTE_CHARS = 300
# Ends that the holder meant or that were due. Any other end is a revocation and takes scheduled extensions with it.
PEACEFUL_ENDS = frozenset({Reason.GRANT_EXPIRED, Reason.GRANT_RELINQUISHED, Reason.GRANT_EXTENDED})
_OPENED = (GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Ending:
    """Who ends a grant and why. `person` is None when the gateway does it by itself."""

    reason: Reason
    actor: ActorRef = GATEWAY
    person: User | None = None
    note: str = ""


def relinquish_grant(*, actor: User, grant: Grant) -> Grant:
    """*End now* by the holder, or by the owner of the service account that holds it. A repeat changes nothing."""
    with refusals_recorded(actor=actor.ref, kind="grant.relinquish", grant=grant.public_id), audited(actor=actor.ref):
        locked = selectors.lock_grant(grant.pk)
        if actor.pk not in {locked.subject_id, locked.subject.owner_id}:
            raise NotFound
        close_grant(locked, Ending(Reason.GRANT_RELINQUISHED, actor.ref, actor))
    return locked


def revoke_grant(*, actor: User, grant: Grant, note: str = "") -> Grant:
    """End somebody's grant: by security, or by whoever may approve such a request. A repeat changes nothing.

    Raises: NotFound when the actor may not, so that strangers learn nothing; CallerError when the note is too long.
    """
    if len(note) > MAX_NOTE_CHARS:
        raise CallerError(Reason.INVALID_INPUT, f"A note has at most {MAX_NOTE_CHARS} characters.")
    with refusals_recorded(actor=actor.ref, kind="grant.revoke", grant=grant.public_id), audited(actor=actor.ref):
        locked = selectors.lock_grant(grant.pk)
        if not may_revoke(actor, locked):
            raise NotFound
        _close_with_successors(locked, Ending(Reason.GRANT_REVOKED, actor.ref, actor, clean_text(note)))
    return locked


def revoke_by_gateway(*, grant: Grant, reason: Reason, note: str = "") -> Grant:
    """The gateway ends a grant because a fact changed: an account, a group, a rule, a signal."""
    with audited(actor=GATEWAY):
        locked = selectors.lock_grant(grant.pk)
        close_grant(locked, Ending(reason, note=clean_text(note)))
    return locked


def end_under_envelope(*, envelope: str, reason: Reason, only: Collection[int] | None = None) -> int:
    """An envelope stands no more: everything that it opened ends in the same transaction. Returns how many.

    `only` narrows it to some grants, by key.
    """
    with audited(actor=GATEWAY):
        rows = Grant.objects.filter(envelope=envelope, state__in=(GrantState.SCHEDULED, *_OPENED))
        rows = rows if only is None else rows.filter(pk__in=only)
        locked = [selectors.lock_grant(pk) for pk in rows.order_by("pk").values_list("pk", flat=True)]
        return sum(close_grant(grant, Ending(reason)) for grant in locked)


def close_grant(grant: Grant, ending: Ending) -> bool:
    """Shut the door on one locked grant: state, tokens, view and work item in the caller's transaction.

    Returns: False when it is over already; nothing is overwritten then.
    """
    closed = _shut((grant,), ending, clock.now())
    if closed and ending.reason not in PEACEFUL_ENDS:
        _close_extension(grant, ending)
    return bool(closed)


def close_grants(grants: list[Grant], ending: Ending) -> int:
    """Shut many locked grants at once, with one message to the proxies."""
    return len(_shut(tuple(grants), ending, clock.now()))


def _close_with_successors(grant: Grant, ending: Ending) -> None:
    """Who revokes means the access, not the row: where an extension was quicker, it is the extension that ends."""
    if not close_grant(grant, ending) and grant.end_reason == Reason.GRANT_EXTENDED:
        successor = Grant.objects.filter(extends=grant).first()
        if successor is not None:
            _close_with_successors(selectors.lock_grant(successor.pk), ending)


def _shut(grants: tuple[Grant, ...], ending: Ending, now: datetime) -> list[Grant]:
    closed, opened = [], []
    with audited(actor=ending.actor) as audit:
        for grant in grants:
            was_open = GrantState(grant.state) in _OPENED
            if not was_open and grant.state != GrantState.SCHEDULED:
                continue
            _mark_ended(grant, ending, now)
            _record(audit, grant, ending)
            tell_holder_of_end(grant)
            closed.append(grant)
            if was_open:
                opened.append(grant)
        if opened:
            push_views(*opened)
            for grant in opened:
                enqueue_after_commit(FINISH_REVOCATION, grant.pk)
            if ending.reason not in PEACEFUL_ENDS:
                cry_cuts(opened, ending.reason)
    return closed


def _mark_ended(grant: Grant, ending: Ending, now: datetime) -> None:
    fields: dict[str, Any] = {
        "end_reason": ending.reason,
        "end_note": ending.note,
        "ended_by": ending.person,
        "ended_at": now,
    }
    if grant.state == GrantState.SCHEDULED:
        move_grant(grant, GrantState.ENDED, **fields)
        return
    # While an activation is at the target its claim stands: what it is making could outlive a removal that came first.
    move_grant(grant, GrantState.REVOKING, next_attempt_at=now, **fields)
    credentials.begin_revocation(grant_id=grant.pk, reason=ending.reason, at=now)


def _record(audit: Recorder, grant: Grant, ending: Ending) -> None:
    kinds = {
        Reason.GRANT_EXPIRED: "grant.expired",
        Reason.START_TOO_LATE: "grant.expired",
        Reason.GRANT_RELINQUISHED: "grant.relinquished",
        Reason.GRANT_EXTENDED: "grant.extended",
    }
    audit.record(
        kinds.get(ending.reason, "grant.revoked"),
        reason=ending.reason,
        request=grant.request.public_id,
        grant=grant.public_id,
        target=grant.target.slug,
        detail={"subject": grant.subject.public_id, "note": ending.note},
    )


def _close_extension(grant: Grant, ending: Ending) -> None:
    """What was revoked must not come back by an extension that was agreed on before."""
    extension = Grant.objects.filter(extends=grant).first()
    if extension is not None:
        close_grant(selectors.lock_grant(extension.pk), ending)


def suspend_grant(*, actor: User, grant: Grant, note: str = "") -> Grant:
    """Pause a grant: security only. Running streams are cut, tokens stay. A repeat changes nothing."""
    return _pause_or_go_on(actor, grant, GrantState.SUSPENDED, note)


def resume_grant(*, actor: User, grant: Grant, note: str = "") -> Grant:
    """Let a paused grant go on until its end, which the pause did not move. A repeat changes nothing."""
    return _pause_or_go_on(actor, grant, GrantState.ACTIVE, note)


def _pause_or_go_on(actor: User, grant: Grant, wanted: GrantState, note: str) -> Grant:
    kind = "grant.suspended" if wanted is GrantState.SUSPENDED else "grant.resumed"
    with (
        refusals_recorded(actor=actor.ref, kind=kind, grant=grant.public_id),
        audited(actor=actor.ref) as audit,
    ):
        locked = selectors.lock_grant(grant.pk)
        if not may_revoke(actor, locked, security_only=True):
            raise NotFound
        if locked.state == wanted and locked.is_held == (wanted is GrantState.SUSPENDED):
            return locked
        now = clock.now()
        if locked.state not in {GrantState.ACTIVE, GrantState.SUSPENDED} or now >= selectors.end_of(locked):
            raise Conflict(Reason.GRANT_NOT_ACTIVE)
        _hold(locked, wanted)
        push_views(locked)
        audit.record(
            kind,
            reason=Reason.GRANT_SUSPENDED if wanted is GrantState.SUSPENDED else Reason.GRANTED,
            grant=locked.public_id,
            target=locked.target.slug,
            detail={"note": clean_text(note[:MAX_NOTE_CHARS])},
        )
    return locked


def _hold(grant: Grant, wanted: GrantState) -> None:
    """Locks pause grants too. By hand one can pause what a lock paused; what a lock holds, only its lifting lets go."""
    is_pause = wanted is GrantState.SUSPENDED
    locks = () if is_pause else locks_of(grant)
    if locks and not grant.is_held:
        raise Conflict(Reason.LOCKED, "A lock holds this grant. Lift the lock.", lock=locks[0].public_id)
    if grant.state != wanted and not locks:
        move_grant(grant, wanted, is_held=is_pause)
        return
    Grant.objects.filter(pk=grant.pk).update(is_held=is_pause)
    grant.is_held = is_pause

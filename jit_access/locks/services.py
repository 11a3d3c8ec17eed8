"""Every write to a lock: place, lift, note that it ran out. What it stops, the rooms above do in the same transaction.

Who may, and how freshly they proved it, is asked by whoever calls: `grants.services.locking` for people, the command at
the gateway's own machine for whoever holds the database anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jit_access.accounts.models import User
from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.domain.reasons import Reason
from jit_access.locks import changes, turns
from jit_access.locks.models import Lock, LockHit

DEFAULT_S = 4 * 3600
SHORTEST_S, LONGEST_S = 60, 30 * 24 * 3600  # longer than a month is not a switch but a decision: until lifted
REASON_CHARS = (10, 300)


@dataclass(frozen=True, slots=True)
class LockOrder:
    """What to lock, what it is called, why, and for how long; without `lasts_s` until somebody lifts it."""

    facts: LockFacts
    label: str
    reason: str
    lasts_s: int | None = DEFAULT_S


def place(*, actor: ActorRef, order: LockOrder, person: User | None = None) -> Lock:
    """Stop it, now. Everything that runs on it is paused when this returns.

    Raises: CallerError for a reason or a time that cannot be used.
    """
    reason = _check_reason(order.reason)
    if order.lasts_s is not None and not SHORTEST_S <= order.lasts_s <= LONGEST_S:
        raise CallerError(
            Reason.INVALID_INPUT, "A lock lasts 1 minute to 30 days, or until it is lifted.", field="lasts"
        )
    with audited(actor=actor) as audit:
        turns.hold_doors()
        now = clock.now()
        lock = Lock.objects.create(
            axis=order.facts.axis,
            key=order.facts.key,
            resource=order.facts.resource,
            label=clean_text(order.label)[:300],
            reason=reason,
            placed_at=now,
            placed_by=person,
            placed_by_name=actor.name[:120],
            until=None if order.lasts_s is None else now + timedelta(seconds=order.lasts_s),
        )
        _record(audit, "lock.placed", lock, note=reason)
        changes.announce(lock)
    return lock


def lift(*, actor: ActorRef, lock: Lock, note: str = "") -> Lock:
    """Undo it. What no other lock stops goes on, until the end it had. A repeat changes nothing.

    Raises: CallerError for a note that is too long; Conflict (state-changed) when it ran out before.
    """
    if len(note) > REASON_CHARS[1]:
        raise CallerError(Reason.INVALID_INPUT, f"A note has at most {REASON_CHARS[1]} characters.", field="note")
    with audited(actor=actor) as audit:
        locked = lock_row(lock.pk)
        if locked.lifted_at is not None:
            return locked
        now = clock.now()
        if not locked.stands_at(now):
            raise Conflict(Reason.STATE_CHANGED, "This lock ran out already.")
        locked.lifted_at, locked.lifted_by_name, locked.lift_note = now, actor.name[:120], clean_text(note.strip())
        locked.save(update_fields=["lifted_at", "lifted_by_name", "lift_note"])
        _record(audit, "lock.lifted", locked, note=locked.lift_note)
        changes.announce(locked)
    return locked


def note_ran_out() -> int:
    """Write down which locks ran out. They stopped nothing any more since their end; safe to run twice at once."""
    due = Lock.objects.filter(lifted_at=None, ran_out_at=None, until__lte=clock.now()).order_by("pk")
    return sum(_note_ran_out(pk) for pk in due.values_list("pk", flat=True))


def note_hit(*, lock: Lock, grant_id: str) -> None:
    """Remember that this lock stopped that grant. A repeat changes nothing."""
    LockHit.objects.get_or_create(lock=lock, grant_id=grant_id, defaults={"hit_at": clock.now()})


def lock_row(pk: int) -> Lock:
    """The row as it is now, held until the transaction ends."""
    return Lock.objects.select_for_update(no_key=True).get(pk=pk)


def _note_ran_out(pk: int) -> bool:
    with audited(actor=GATEWAY) as audit:
        locked = lock_row(pk)
        now = clock.now()
        if locked.lifted_at is not None or locked.ran_out_at is not None or locked.stands_at(now):
            return False
        locked.ran_out_at = now
        locked.save(update_fields=["ran_out_at"])
        _record(audit, "lock.ran-out", locked)
        changes.announce(locked)
    return True


def _record(audit: Recorder, kind: str, lock: Lock, *, note: str = "") -> None:
    audit.record(
        kind,
        reason=Reason.LOCKED if kind == "lock.placed" else "",
        detail={
            "lock": lock.public_id,
            "axis": lock.axis,
            "key": lock.key,
            "repository": lock.resource,
            "label": lock.label,
            "until": "" if lock.until is None else clock.format_instant(lock.until),
            "note": note,
        }
        | ({"account": lock.key} if lock.axis in {LockAxis.PERSON, LockAxis.AGENT} else {}),
    )


def _check_reason(text: str) -> str:
    reason = clean_text(text.strip())
    least, most = REASON_CHARS
    if not least <= len(reason) <= most:
        raise CallerError(Reason.INVALID_INPUT, f"Say why in {least} to {most} characters.", field="reason")
    return reason

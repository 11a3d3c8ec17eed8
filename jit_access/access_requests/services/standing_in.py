"""Letting another answer for oneself, and being away: each from an instant until another.

Callers ask for a fresh factor before another may answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from jit_access.access_requests.models import Absence, Delegation
from jit_access.accounts.models import AccountKind, User
from jit_access.accounts.names import fold_name
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.clock import format_instant
from jit_access.domain.errors import CallerError, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants.refusals import refusals_recorded
from jit_access.notifications.services import tell

LONGEST = timedelta(days=90)


def delegate_answers(*, actor: User, to: str, starts_at: datetime, ends_at: datetime) -> Delegation:
    """Let the person of this user name answer requests for the actor. One at a time.

    Raises: CallerError for dates and names that cannot be; PolicyRefusal (not-for-agents).
    """
    with refusals_recorded(actor=actor.ref, kind="delegation.give"), audited(actor=actor.ref) as audit:
        locked = _lock_person(actor)
        _check_dates(starts_at, ends_at)
        delegate = _find(to)
        if delegate.pk == locked.pk:
            raise CallerError(Reason.INVALID_INPUT, "Somebody else answers for you, not you.", field="to")
        open_rows = Delegation.objects.filter(delegator=locked, ended_at=None)
        if open_rows.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).exists():
            raise CallerError(
                Reason.INVALID_INPUT, "Somebody answers for you in that time already. End that first.", field="starts"
            )
        row = Delegation.objects.create(
            delegator=locked,
            delegate=delegate,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        audit.record("delegation.given", detail=_described(row))
        tell(
            delegate,
            kind="delegation-given",
            subject=f"You answer for {locked.display_name} until {ends_at:%d %b %H:%M} UTC",
            text=f"From {starts_at:%d %b %H:%M} UTC you may answer requests that ask {locked.display_name}. "
            "You count as one person with them, and you cannot hand it on.",
            path="/approvals",
            dedupe_key=f"delegation-given:{row.public_id}",
        )
    return row


def end_delegation(*, actor: User, public_id: str) -> Delegation:
    """Take it back, or give it back. What was answered under it stands. A repeat changes nothing. Raises: NotFound."""
    with audited(actor=actor.ref) as audit:
        row = Delegation.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
        if row is None or actor.pk not in {row.delegator_id, row.delegate_id}:
            raise NotFound
        if row.ended_at is None:
            row.ended_at = clock.now()
            row.save(update_fields=["ended_at"])
            audit.record("delegation.ended", detail=_described(row))
    return row


def note_absence(*, actor: User, starts_at: datetime, ends_at: datetime) -> Absence:
    """Be away: pages say so, and requests are told to others where there are any."""
    with refusals_recorded(actor=actor.ref, kind="absence.note"), audited(actor=actor.ref) as audit:
        locked = _lock_person(actor)
        _check_dates(starts_at, ends_at)
        row = Absence.objects.create(person=locked, starts_at=starts_at, ends_at=ends_at)
        audit.record("absence.noted", detail={"from": format_instant(starts_at), "until": format_instant(ends_at)})
    return row


def end_absence(*, actor: User, public_id: str) -> Absence:
    """Back again. A repeat changes nothing. Raises: NotFound."""
    with audited(actor=actor.ref) as audit:
        row = Absence.objects.select_for_update(of=("self",)).filter(public_id=public_id, person=actor).first()
        if row is None:
            raise NotFound
        if row.ended_at is None:
            row.ended_at = clock.now()
            row.save(update_fields=["ended_at"])
            audit.record("absence.ended")
    return row


def _lock_person(actor: User) -> User:
    if not actor.is_person:
        raise PolicyRefusal(Reason.NOT_FOR_AGENTS)
    return User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # two of one person are put in order


def _check_dates(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at or ends_at <= clock.now():
        raise CallerError(Reason.INVALID_INPUT, "It has to end after it starts, and after now.", field="ends")
    if ends_at - starts_at > LONGEST:
        raise CallerError(Reason.INVALID_INPUT, "Ninety days at most. Do it again when they are over.", field="ends")


def _find(name: str) -> User:
    folded = fold_name(name)
    found = User.objects.filter(username=folded, kind=AccountKind.PERSON, is_active=True).first() if folded else None
    if found is None:
        raise CallerError(Reason.INVALID_INPUT, f"Nobody here is called {name[:60]}.", field="to")
    return found


def _described(row: Delegation) -> dict[str, str]:
    return {
        "account": row.delegate.public_id,
        "delegator": row.delegator.public_id,
        "from": format_instant(row.starts_at),
        "until": format_instant(row.ends_at),
    }

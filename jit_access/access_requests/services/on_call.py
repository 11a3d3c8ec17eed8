"""Who is on call when, as operators keep it or their tool sends it: the whole of one schedule at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from jit_access.access_requests.models import OnCallShift
from jit_access.accounts.models import AccountKind, User
from jit_access.accounts.names import fold_name
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants.refusals import refusals_recorded
from jit_access.policies.auto_approval import parse_auto_approval
from jit_access.targets.access import require_operator

MAX_SHIFTS = 500
LONGEST_SHIFT = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Shift:
    """One person between two instants."""

    person: str  # user name
    starts_at: datetime
    ends_at: datetime


def replace_schedule(*, actor: User, schedule: str, shifts: Sequence[Shift]) -> tuple[OnCallShift, ...]:
    """Everything that is not over is replaced. The same again changes nothing.

    Raises: NotFound for whoever is no operator; CallerError; PolicyRefusal (own-rights) for operators who put
    themselves on call: rules may approve by it.
    """
    with refusals_recorded(actor=actor.ref, kind="on-call.replace"):
        require_operator(actor)
        _check_name(schedule)
        people = _check(shifts)
        with audited(actor=actor.ref) as audit:
            User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # two sends of one operator take turns
            now = clock.now()
            old = list(_coming(schedule, now).select_for_update(of=("self",)))
            wanted = {(people[one.person].pk, one.starts_at, one.ends_at) for one in shifts if one.ends_at > now}
            held = {(row.person_id, row.starts_at, row.ends_at) for row in old}
            if any(pk == actor.pk for pk, _, _ in wanted - held):
                raise PolicyRefusal(Reason.OWN_RIGHTS)
            gone = [row.pk for row in old if (row.person_id, row.starts_at, row.ends_at) not in wanted]
            OnCallShift.objects.filter(pk__in=gone).update(ended_at=now)
            for pk, starts_at, ends_at in sorted(wanted - held):
                OnCallShift.objects.create(schedule=schedule, person_id=pk, starts_at=starts_at, ends_at=ends_at)
            if gone or wanted - held:
                audit.record(
                    "on-call.replaced",
                    detail={"schedule": schedule, "added": len(wanted - held), "removed": len(gone)},
                )
    return coming_shifts(schedule)


def coming_shifts(schedule: str) -> tuple[OnCallShift, ...]:
    """What is not over, in order."""
    return tuple(_coming(schedule, clock.now()).select_related("person").order_by("starts_at", "pk"))


def _coming(schedule: str, now: datetime) -> QuerySet[OnCallShift]:
    return OnCallShift.objects.filter(schedule=schedule, ended_at=None, ends_at__gt=now)


def _check_name(schedule: str) -> None:
    try:
        parse_auto_approval(f"on call for {schedule}")
    except ValueError as exc:
        sentence = "A schedule's name has small letters, digits and - only."
        raise CallerError(Reason.NAME_INVALID, sentence, field="schedule") from exc


def _check(shifts: Sequence[Shift]) -> dict[str, User]:
    if len(shifts) > MAX_SHIFTS:
        raise CallerError(Reason.INVALID_INPUT, f"At most {MAX_SHIFTS} shifts.")
    for one in shifts:
        if not one.starts_at < one.ends_at <= one.starts_at + LONGEST_SHIFT:
            raise CallerError(Reason.INVALID_INPUT, "A shift ends after it starts, and within 31 days.")
    people = {}
    for name in {one.person for one in shifts}:
        rows = User.objects.filter(username=fold_name(name) or "", kind=AccountKind.PERSON, is_active=True)
        found = rows.first()
        if found is None:
            raise CallerError(Reason.INVALID_INPUT, f"Nobody here is called {name[:60]}.")
        people[name] = found
    return people

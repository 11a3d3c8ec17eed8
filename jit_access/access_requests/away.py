"""Stand-ins and absences as they are at one instant: looked up when it counts, never stored with a request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from jit_access.access_requests.models import Absence, Delegation
from jit_access.accounts.models import User
from jit_access.core import clock


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be said of one person who could answer: until when they are away, and who answers for them."""

    away_until: datetime | None = None
    stand_in: User | None = None
    stand_in_until: datetime | None = None


PRESENT = Standing()


def live_delegations(now: datetime) -> QuerySet[Delegation]:
    """Those that count at this instant. One that was taken back, or of or to a locked account, does not."""
    rows = Delegation.objects.filter(_runs(now), delegator__is_active=True, delegate__is_active=True)
    return rows.select_related("delegator", "delegate").order_by("delegator__display_name", "pk")


def standings(people: Collection[int]) -> dict[int, Standing]:
    """Of those who are away or have a stand-in now; everybody else is there. Two queries."""
    if not people:
        return {}
    now = clock.now()
    absences = Absence.objects.filter(_runs(now), person__in=people).order_by("ends_at")
    away = dict(absences.values_list("person_id", "ends_at"))
    given = {row.delegator_id: row for row in live_delegations(now).filter(delegator__in=people)}
    found = {}
    for pk in away.keys() | given.keys():
        row = given.get(pk)
        found[pk] = Standing(away.get(pk), row.delegate, row.ends_at) if row else Standing(away.get(pk))
    return found


def coming_delegations(person: User, now: datetime) -> QuerySet[Delegation]:
    """Given by or to this person and not over, soonest first."""
    rows = Delegation.objects.filter(Q(delegator=person) | Q(delegate=person), ended_at=None, ends_at__gt=now)
    return rows.select_related("delegator", "delegate").order_by("starts_at", "pk")


def coming_absences(person: User, now: datetime) -> QuerySet[Absence]:
    """Not over, soonest first."""
    return Absence.objects.filter(person=person, ended_at=None, ends_at__gt=now).order_by("starts_at", "pk")


def _runs(now: datetime) -> Q:
    return Q(starts_at__lte=now, ends_at__gt=now, ended_at=None)

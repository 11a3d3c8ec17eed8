"""Reads of grants. Lists are for one actor; single objects for an actor come from `access`."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from jit_access.accounts.models import User
from jit_access.domain.lifecycle import LIVE_GRANT_STATES, GrantState
from jit_access.grants.models import Grant

RECENT = timedelta(days=7)
_RELATED = ("subject", "subject__owner", "target", "request", "ended_by", "extends")


def lock_grant(pk: int) -> Grant:
    """The row as it is now, held until the transaction ends. Only inside one."""
    return (
        Grant.objects.select_for_update(of=("self",), no_key=True)
        .select_related("subject", "target", "request")
        .get(pk=pk)
    )


def end_of(grant: Grant) -> datetime:
    """The exclusive end of a grant that was activated."""
    if grant.valid_until is None:
        raise ValueError(f"{grant.public_id} was never activated")
    return grant.valid_until


def with_related(grants: QuerySet[Grant]) -> QuerySet[Grant]:
    """Everything a page or the API shows of a grant, in one query."""
    return grants.select_related(*_RELATED)


def grants_of(*, actor: User) -> QuerySet[Grant]:
    """Grants that an actor holds, or that a service account of theirs holds, newest first."""
    return with_related(Grant.objects.filter(Q(subject=actor) | Q(subject__owner=actor))).order_by("-created_at", "-pk")


def live_grants_of(*, actor: User, now: datetime) -> QuerySet[Grant]:
    """What an actor holds or could start now, and what is still being taken away. Soonest end first."""
    timely = Q(state=GrantState.SCHEDULED, start_by__gt=now) | ~Q(state=GrantState.SCHEDULED)
    return grants_of(actor=actor).filter(timely, state__in=LIVE_GRANT_STATES).order_by("valid_until", "start_by", "pk")


def running_grants_of(*, subject: User, now: datetime) -> QuerySet[Grant]:
    """What one account could use at this moment."""
    return Grant.objects.filter(subject=subject, state=GrantState.ACTIVE, valid_until__gt=now)


def recently_ended_of(*, actor: User, now: datetime) -> QuerySet[Grant]:
    """What ended within the last 7 days, newest end first."""
    over = grants_of(actor=actor).filter(state__in=[GrantState.ENDED, GrantState.ACTIVATION_FAILED])
    return over.filter(ended_at__gt=now - RECENT).order_by("-ended_at", "-pk")


def exposed_grants(*, subject_id: int, target_id: int) -> QuerySet[Grant]:
    """Accesses of this subject to this target that could not be taken away yet."""
    return Grant.objects.filter(subject_id=subject_id, target_id=target_id, state=GrantState.REVOKE_FAILED)


def all_exposed() -> QuerySet[Grant]:
    """Every access that should be gone and may not be, longest exposed first. Security's first list."""
    return with_related(Grant.objects.filter(state=GrantState.REVOKE_FAILED)).order_by("exposed_since", "pk")


def due_for_expiry(*, now: datetime) -> QuerySet[Grant]:
    """Grants whose time ran out, and those that were not started in time."""
    ran_out = Q(state__in=[GrantState.ACTIVE, GrantState.SUSPENDED], valid_until__lte=now)
    never_started = Q(state=GrantState.SCHEDULED, start_by__lte=now)
    return Grant.objects.filter(ran_out | never_started).order_by("pk")


def stuck_activations(*, now: datetime) -> QuerySet[Grant]:
    """Activations whose worker died between the claim and the result."""
    return Grant.objects.filter(state=GrantState.ACTIVATING, claimed_until__lte=now).order_by("pk")

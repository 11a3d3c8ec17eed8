"""Before it is too late: reminders to people whose access ends soon, and to those who have not started theirs.

Due rows, not timers. Each is told once, by the key of its message; one that a worker missed is left out when a later
one is due already, so that nobody reads three at once. Agents are not reminded: their next run asks by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Concat

from jit_access.accounts.models import AccountKind
from jit_access.core import clock
from jit_access.domain.lifecycle import GrantState
from jit_access.grants.models import Grant
from jit_access.grants.news import describe, each_of
from jit_access.notifications.models import Notification
from jit_access.notifications.services import tell

BATCH = 500
MINUTE_S, DAY_S = 60, 86400


@dataclass(frozen=True, slots=True)
class Lead:
    """So long before: from `before` down to the next one. Only of grants that last longer than `longer_than_s`."""

    before: timedelta
    down_to: timedelta
    longer_than_s: int
    words: str


# A grant of twenty minutes needs no reminder five minutes after its start.
ENDS = (
    Lead(timedelta(minutes=15), timedelta(), 30 * MINUTE_S - 1, "15 min"),
    Lead(timedelta(hours=1), timedelta(minutes=15), DAY_S, "1 h"),
    Lead(timedelta(days=1), timedelta(hours=1), DAY_S, "1 day"),
)
STARTS = (
    Lead(timedelta(minutes=15), timedelta(), 0, "15 min"),
    Lead(timedelta(hours=2), timedelta(minutes=15), 0, "2 h"),
)
_OPENED = Lead(timedelta(days=1), timedelta(), 0, "1 day")


def remind_holders() -> int:
    """Tell whoever is due to be told. Returns how many were. Safe to run twice, and at once."""
    now = clock.now()
    told = sum(_remind_of_end(lead, now) for lead in ENDS) + sum(_remind_of_start(lead, now) for lead in STARTS)
    return told + _tell_it_opened(now)


def _remind_of_end(lead: Lead, now: datetime) -> int:
    running = _people().filter(
        state=GrantState.ACTIVE,
        valid_until__gt=now + lead.down_to,
        valid_until__lte=now + lead.before,
        lasts_s__gt=lead.longer_than_s,
    )
    return _tell_each("grant-ends-soon", running, lead, _say_it_ends)


def _remind_of_start(lead: Lead, now: datetime) -> int:
    waiting = _people().filter(
        state=GrantState.SCHEDULED, start_by__gt=now + lead.down_to, start_by__lte=now + lead.before
    )
    # What was agreed on just now is news already.
    fresh_ones_left_out = waiting.filter(created_at__lte=now - lead.before)
    return _tell_each("grant-start-by", fresh_ones_left_out, lead, partial(_say_it_waits, lead=lead))


def _tell_it_opened(now: datetime) -> int:
    """What was asked for later can be started since just now."""
    opened = _people().filter(
        state=GrantState.SCHEDULED, not_before__lte=now, not_before__gt=now - _OPENED.before, start_by__gt=now
    )
    return _tell_each("grant-may-start", opened.filter(created_at__lt=F("not_before")), _OPENED, _say_it_opened)


def _people() -> QuerySet[Grant]:
    rows = Grant.objects.filter(subject__kind=AccountKind.PERSON, subject__is_active=True)
    return rows.select_related("subject", "target").order_by("pk")


def _tell_each(kind: str, grants: QuerySet[Grant], lead: Lead, say: Callable[[Grant, str], None]) -> int:
    seconds = int(lead.before.total_seconds())
    key = Concat(Value(f"{kind}:"), OuterRef("public_id"), Value(f":{seconds}"))
    told = Notification.objects.filter(user=OuterRef("subject"), dedupe_key=key)
    due = list(grants.filter(~Exists(told))[:BATCH])
    for grant in due:
        say(grant, f"{kind}:{grant.public_id}:{seconds}")
    return len(due)


def _say_it_ends(grant: Grant, key: str) -> None:
    if grant.valid_until is None:
        return
    longer = Grant.objects.filter(extends=grant, state=GrantState.SCHEDULED).first()
    text, path = "What runs then is cut. Extend it if you need longer.", f"/requests/new?extends={grant.public_id}"
    if longer is not None:
        text, path = "Your extension is approved: start it, and what runs goes on.", f"/access/{longer.public_id}/start"
    tell(
        grant.subject,
        kind="grant-ends-soon",
        subject=f"Ends {_at(grant.valid_until)}: access to {describe(grant)}",
        text="\n\n".join([text, *each_of(grant.target.slug, grant.scope)]),
        path=path,
        dedupe_key=key,
    )


def _say_it_waits(grant: Grant, key: str, *, lead: Lead) -> None:
    tell(
        grant.subject,
        kind="grant-start-by",
        subject=f"Start before {_at(grant.start_by)}: access to {describe(grant)}",
        text="\n\n".join([f"Approved, not started. {lead.words} are left.", *each_of(grant.target.slug, grant.scope)]),
        path=f"/access/{grant.public_id}/start",
        dedupe_key=key,
    )


def _say_it_opened(grant: Grant, key: str) -> None:
    tell(
        grant.subject,
        kind="grant-may-start",
        subject=f"You can start now: access to {describe(grant)}",
        text="\n\n".join([f"Start before {_at(grant.start_by)}.", *each_of(grant.target.slug, grant.scope)]),
        path=f"/access/{grant.public_id}/start",
        dedupe_key=key,
    )


def _at(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %H:%M} UTC"

"""What is taken from the limits of a day. A day is any 24 hours, so nothing starts anew at midnight.

Each grant takes what it may move at most when it is opened, under the envelope's row lock, and hands back what it did
not move when it has ended. So the grants of an envelope together can never be told of more than the day has; how
exactly one grant keeps to its own part between several proxies is ADR 0013's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Greatest

from jit_access.core import clock
from jit_access.domain.lifecycle import GrantState
from jit_access.envelopes.models import Envelope, EnvelopeUse
from jit_access.proxy_sessions.usage import Used, read_used

DAY = timedelta(hours=24)
SETTLES_AFTER = timedelta(seconds=10)  # proxies tell four times a second; what was on its way has arrived by then
_OPEN = frozenset({GrantState.SCHEDULED, GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED})
SETTLE_BATCH = 500


@dataclass(frozen=True, slots=True)
class DayUse:
    """Of one envelope, in the 24 hours before a moment. `reserved` is the part of the bytes that may yet be moved."""

    taken_bytes: int
    reserved: int
    grants: int
    open_grants: int


def day_use(envelope: Envelope, now: datetime) -> DayUse:
    """What counts now. For a decision: with the envelope's row locked."""
    uses = list(counting_uses(envelope, now).select_related("grant"))
    told = read_used([use.grant.public_id for use in uses]) if uses else {}
    counted = [(use, counted_bytes(use, told.get(use.grant.public_id, Used()), now)) for use in uses]
    live = [use for use in uses if is_live(use)]
    moved = {use.pk: told.get(use.grant.public_id, Used()).moved for use in live}
    return DayUse(
        taken_bytes=sum(count for _, count in counted),
        reserved=sum(max(0, use.reserved_bytes - moved[use.pk]) for use in live),
        grants=sum(use.opened_at > now - DAY for use in uses),
        open_grants=len(live),
    )


def counting_uses(envelope: Envelope, now: datetime) -> QuerySet[EnvelopeUse]:
    """Everything that may still count against a day's limits."""
    recent = Q(ended_at=None) | Q(ended_at__gt=now - DAY) | Q(opened_at__gt=now - DAY)
    return envelope.uses.filter(recent).order_by("pk")


def is_live(use: EnvelopeUse) -> bool:
    """True while bytes may move under it."""
    return use.grant.state in _OPEN


def counted_bytes(use: EnvelopeUse, told: Used, now: datetime) -> int:
    """What one grant takes from the day: all of its part while it lives, then what it moved, for 24 hours."""
    moved = max(use.moved_bytes or 0, told.moved)
    if is_live(use):
        return max(use.reserved_bytes, moved)
    ended = use.ended_at or use.grant.ended_at or now
    if now < ended + SETTLES_AFTER:
        return max(use.reserved_bytes, moved)
    return moved if ended > now - DAY else 0


def reserve(envelope: Envelope, *, grant_id: int, amount: int, workload: str) -> EnvelopeUse:
    """Take a grant's part, in the transaction that makes the grant and holds the envelope's row."""
    return EnvelopeUse.objects.create(
        envelope=envelope, grant_id=grant_id, workload=workload, reserved_bytes=amount, opened_at=clock.now()
    )


def settle_uses() -> int:
    """Write down what ended grants moved: proxies' counters are forgotten a day after. Safe to run twice.

    A report that comes late still counts: the number only grows.
    """
    now, count = clock.now(), 0
    waiting = EnvelopeUse.objects.filter(Q(ended_at=None) | Q(ended_at__gt=now - DAY)).exclude(grant__state__in=_OPEN)
    rows = list(waiting.select_related("grant").order_by("ended_at", "pk")[:SETTLE_BATCH])
    told = read_used([use.grant.public_id for use in rows]) if rows else {}
    for use in rows:
        ended = use.ended_at or use.grant.ended_at or now
        moved = max(use.moved_bytes or 0, told.get(use.grant.public_id, Used()).moved)
        if now < ended + SETTLES_AFTER or (use.ended_at, use.moved_bytes) == (ended, moved):
            continue
        if use.moved_bytes is None:
            EnvelopeUse.objects.filter(pk=use.pk, moved_bytes=None).update(ended_at=ended, moved_bytes=moved)
        else:
            EnvelopeUse.objects.filter(pk=use.pk).update(moved_bytes=Greatest("moved_bytes", moved))
        count += 1
    return count

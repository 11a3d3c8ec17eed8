"""Requests that nobody answers: those who could are reminded, less and less often, and in the end others hear of it.

15 min, 1 h, 4 h and 16 h after the question, never past *answer by*. With the second reminder it is escalated: the
target's second list hears of it. Nobody gains a right by being told, and a reminder decides nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.models import AccessRequest, Reminder
from jit_access.access_requests.news import tell_escalation, tell_routed, tell_waiting_approvers
from jit_access.access_requests.selectors import lock_request
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState

FIRST_AFTER: Final = timedelta(minutes=15)
GROWTH: Final = 4
MAX_REMINDERS: Final = 4
ESCALATED_WITH: Final = 2
BATCH: Final = 200


def follow(request: AccessRequest, change: Change) -> None:
    """Handler of `changes`: a question starts the clock of its reminders, its end stops it."""
    if change is Change.SUBMITTED and request.steps.exists():
        Reminder.objects.create(request=request, next_at=request.created_at + FIRST_AFTER)
        tell_routed(request)
    elif request.state != RequestState.PENDING:
        Reminder.objects.filter(request=request).delete()


def remind_due() -> int:
    """Send what is due. Returns how many requests were spoken of. Safe to run twice: the row lock lets one through."""
    due = Reminder.objects.filter(next_at__lte=clock.now(), sent__lt=MAX_REMINDERS).order_by("next_at", "pk")
    return sum(_remind(pk) for pk in list(due.values_list("request_id", flat=True)[:BATCH]))


def _remind(request_id: int) -> bool:
    with audited(actor=GATEWAY) as audit:
        request = lock_request(request_id)
        row, now = Reminder.objects.filter(request=request).first(), clock.now()
        if row is None or row.next_at > now or row.sent >= MAX_REMINDERS:
            return False
        if request.state != RequestState.PENDING or now >= request.answer_by:
            row.delete()
            return False
        row.sent += 1
        # From the question, not from now: after an outage the missed ones are not sent in a row.
        row.next_at = max(request.created_at + FIRST_AFTER * GROWTH**row.sent, now + FIRST_AFTER)
        row.save(update_fields=["sent", "next_at"])
        tell_waiting_approvers(request, number=row.sent)
        is_escalated = row.sent == ESCALATED_WITH
        if is_escalated:
            tell_escalation(request)
        audit.record(
            "request.escalated" if is_escalated else "request.reminded",
            request=request.public_id,
            target=request.target.slug,
            detail={"number": row.sent},
        )
        announce(request, Change.ESCALATED if is_escalated else Change.REMINDED)
    return True

"""What time does to envelopes: noticed by due-row queries, safe to run twice. Nothing that must stop waits for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q

from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.reasons import Reason
from jit_access.envelopes.budgets import settle_uses
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.news import tell_signers
from jit_access.envelopes.payloads import ask_policy
from jit_access.envelopes.people import OPEN_STATES
from jit_access.envelopes.services.ending import close_locked, suspend_by_gateway
from jit_access.envelopes.services.rounds import begin_round, lock_envelope

ASKED_BEFORE = timedelta(days=7)  # of the review; for short ones a quarter of the time between two
REMINDED_BEFORE = timedelta(days=1)
BATCH = 200

log = structlog.get_logger(__name__)


def sweep_envelopes() -> int:
    """End what ran out, suspend what nobody reviewed, ask for reviews that come near. Returns how many changed."""
    now = clock.now()
    late = Q(state=EnvelopeState.PROPOSED, answer_by__lte=now) | Q(expires_at__lte=now)
    overdue = Q(state=EnvelopeState.ACTIVE, review_by__lte=now)
    near = Q(state=EnvelopeState.ACTIVE, review_by__lte=now + ASKED_BEFORE, reminded_at=None)
    unasked = Q(state=EnvelopeState.SUSPENDED, is_asking=False)  # policy would not have it when it was suspended
    moved = Q(state=EnvelopeState.ACTIVE) & ~Q(agent__owner=F("proposer"))  # the agent has another owner
    due = Envelope.objects.filter(late | overdue | near | unasked | moved, state__in=OPEN_STATES).order_by("pk")
    changed = sum(_sweep_alone(pk) for pk in list(due.values_list("pk", flat=True)[:BATCH]))
    settle_uses()
    return changed


def _sweep_alone(pk: int) -> bool:
    try:
        with audited(actor=GATEWAY):
            return _sweep(lock_envelope(pk), clock.now())
    except GatewayError:
        # One row that cannot be judged must not keep the sweep from the others.
        log.exception("envelope.sweep_failed", envelope=pk)
        return False


def _sweep(row: Envelope, now: datetime) -> bool:
    if row.state not in OPEN_STATES:
        return False
    if now >= row.expires_at:
        close_locked(row, EnvelopeState.EXPIRED, Reason.ENVELOPE_EXPIRED)
        return True
    if row.state == EnvelopeState.PROPOSED:
        return _end_unanswered(row, now)
    if row.state == EnvelopeState.SUSPENDED:
        return not row.is_asking and _ask(row)
    return _suspend_unreviewed(row, now) or _ask_for_review(row, now)


def _end_unanswered(row: Envelope, now: datetime) -> bool:
    if now < row.answer_by:
        return False
    close_locked(row, EnvelopeState.EXPIRED, Reason.ANSWER_TOO_LATE)
    return True


def _suspend_unreviewed(row: Envelope, now: datetime) -> bool:
    reason = Reason.ENVELOPE_UNREVIEWED if now >= row.review_by else None
    if row.agent.owner_id != row.proposer_id:
        reason = Reason.ENVELOPE_SUSPENDED
    if reason is None:
        return False
    suspend_by_gateway(row, reason)
    return True


def _ask_for_review(row: Envelope, now: datetime) -> bool:
    if row.review_by >= row.expires_at:
        return False  # it ends then: there is nothing to go on with
    ahead = min(ASKED_BEFORE, timedelta(seconds=row.review_every_s) / 4)
    if not row.is_asking and now >= row.review_by - ahead:
        return _ask(row)
    if row.is_asking and row.reminded_at is None and now >= row.review_by - min(REMINDED_BEFORE, ahead / 2):
        row.reminded_at = now
        row.save(update_fields=["reminded_at"])
        tell_signers(row, is_reminder=True)
        return True
    return False


def _ask(row: Envelope) -> bool:
    answer = ask_policy(row)
    if not answer.is_allowed or not answer.approvals:
        return False  # its uses say why; at the day of its review it is suspended
    begin_round(row, answer)
    return True

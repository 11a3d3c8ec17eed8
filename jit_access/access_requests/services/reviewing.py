"""The review that each break-glass ends with: another person in security looks, and says so, in time."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet

from jit_access.access_requests.break_glass_news import cry_out_overdue, tell_opener_of_verdict
from jit_access.access_requests.models import BreakGlassReview
from jit_access.accounts.models import User
from jit_access.accounts.selectors import is_in
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import AUDITORS, SECURITY
from jit_access.grants.refusals import refusals_recorded
from jit_access.locks.selectors import ground_of_account, refuse_locked
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, check_fresh

NOTE_CHARS = (10, 1000)
SAY_AGAIN_EVERY = timedelta(hours=4)
_OPEN = (GrantState.SCHEDULED, GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED)


def visible_reviews(*, actor: User) -> QuerySet[BreakGlassReview]:
    """All of them, for people in security and auditors; for everybody else their own."""
    rows = BreakGlassReview.objects.select_related(
        "grant__request", "grant__target", "grant__subject", "opened_by", "reviewer"
    )
    if actor.is_person and is_in(actor, SECURITY, AUDITORS):
        return rows
    return rows.filter(opened_by=actor) if actor.is_active else rows.none()


def get_review(*, actor: User, public_id: str) -> BreakGlassReview:
    """A review that the actor may see. Raises: NotFound."""
    review = visible_reviews(actor=actor).filter(public_id=public_id).first()
    if review is None:
        raise NotFound
    return review


def why_not_review(actor: User, review: BreakGlassReview) -> Reason | None:
    """None when this person may close it now. A page hides its buttons by this; the service asks again by itself."""
    if not actor.is_person or not is_in(actor, SECURITY):
        return Reason.NOT_AN_APPROVER
    if actor.pk == review.opened_by_id:
        return Reason.OWN_REQUEST
    if review.closed_at is not None:
        return Reason.ALREADY_DECIDED
    return Reason.STATE_CHANGED if is_running(review) else None


def is_running(review: BreakGlassReview) -> bool:
    """True while more may be done under it: a verdict on half of it would be none."""
    grant = review.grant
    ends = grant.valid_until or grant.start_by
    return grant.state in _OPEN and clock.now() < ends


def close_review(
    *, actor: User, review: BreakGlassReview, is_justified: bool, note: str, assurance: Assurance
) -> BreakGlassReview:
    """Say what was found. Once, by another person in security, with a fresh second factor, after it is over.

    Raises: NotFound for everybody else; PolicyRefusal (own-request, second-factor-…); Conflict (already-decided, or
    state-changed while it runs); CallerError for the note.
    """
    text = clean_text(note.strip())
    least, most = NOTE_CHARS
    with refusals_recorded(actor=actor.ref, kind="break-glass.review", grant=review.grant.public_id):
        if not actor.is_person or not is_in(actor, SECURITY):
            raise NotFound
        refuse_locked(ground_of_account(actor))
        if actor.pk == review.opened_by_id:
            raise PolicyRefusal(Reason.OWN_REQUEST, "Nobody reviews their own break-glass.")
        check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)
        if not least <= len(text) <= most:
            raise CallerError(
                Reason.INVALID_INPUT, f"Say what you found in {least} to {most} characters.", field="note"
            )
        with audited(actor=actor.ref) as audit:
            locked = BreakGlassReview.objects.select_for_update(of=("self",), no_key=True).select_related(
                "grant__request", "grant__target", "opened_by"
            ).get(pk=review.pk)  # fmt: skip
            if locked.closed_at is not None:
                raise Conflict(Reason.ALREADY_DECIDED, "Somebody closed this review already.")
            if is_running(locked):
                raise Conflict(Reason.STATE_CHANGED, "It still runs. Revoke it, or wait until it is over.")
            locked.closed_at, locked.reviewer, locked.is_justified, locked.note = clock.now(), actor, is_justified, text
            locked.save(update_fields=["closed_at", "reviewer", "is_justified", "note"])
            audit.record(
                "break-glass.reviewed",
                reason=Reason.BREAK_GLASS,
                request=locked.grant.request.public_id,
                grant=locked.grant.public_id,
                target=locked.grant.target.slug,
                detail={
                    "review": locked.public_id,
                    "account": locked.opened_by.public_id,
                    "is_justified": is_justified,
                    "note": text,
                },
            )
            tell_opener_of_verdict(locked)
    return locked


def remind_reviewers() -> int:
    """Cry out what is overdue, again every four hours until somebody looks. Safe to run twice: each turn has a key."""
    now, count = clock.now(), 0
    overdue = BreakGlassReview.objects.filter(closed_at=None, due_at__lte=now)
    for review in overdue.select_related("grant__request__target", "opened_by").order_by("due_at", "pk"):
        with audited(actor=GATEWAY):
            cry_out_overdue(review, turn=int((now - review.due_at) / SAY_AGAIN_EVERY))
        count += 1
    return count


def overdue_count() -> int:
    """How many reviews should have been closed by now."""
    return BreakGlassReview.objects.filter(closed_at=None, due_at__lte=clock.now()).count()

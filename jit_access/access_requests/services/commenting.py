"""Questions and answers beside a request: between who asked and who may answer. A comment never decides anything."""

from __future__ import annotations

from datetime import datetime, timedelta

from jit_access.access_requests import selectors
from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.comment_news import tell_of_comment
from jit_access.access_requests.drafts import clean_comment
from jit_access.access_requests.models import AccessRequest, Comment
from jit_access.access_requests.people import refusal_to_answer
from jit_access.access_requests.voices import voices_of
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.grants.refusals import refusals_recorded

MOST = 100  # on one request, of everybody together
OPEN_AFTER_END = timedelta(days=7)
_DOUBLE_CLICK = timedelta(minutes=1)


def add_comment(*, actor: User, request: AccessRequest, text: str) -> Comment:
    """Say something to the other side. The very same words again within a minute are the same comment.

    Raises: PolicyRefusal (not-an-approver, account-locked); Conflict (comments-closed, too-many-comments); CallerError.
    """
    with refusals_recorded(actor=actor.ref, kind="request.comment", request=request.public_id):
        cleaned = clean_comment(text)
        with audited(actor=actor.ref) as audit:
            locked = selectors.lock_request(request.pk)
            now = clock.now()
            if (refusal := why_not_comment(actor, locked, now=now)) is not None:
                raise Conflict(refusal) if refusal is Reason.COMMENTS_CLOSED else PolicyRefusal(refusal)
            if (sent := _sent_just_now(actor, locked, cleaned, now)) is not None:
                return sent
            if locked.comments.count() >= MOST:
                raise Conflict(Reason.TOO_MANY_COMMENTS)
            comment = Comment.objects.create(request=locked, author=actor, text=cleaned)
            audit.record(
                "request.commented",
                request=locked.public_id,
                target=locked.target.slug,
                detail={"comment": comment.public_id, "text": cleaned},
            )
            tell_of_comment(comment, locked)
            announce(locked, Change.COMMENTED)
    return comment


def why_not_comment(actor: User, request: AccessRequest, *, now: datetime) -> Reason | None:
    """None for who asked, for the owner of the account that asked, and for who may answer such a request."""
    is_asking = actor.is_active and actor.pk in {request.requester_id, request.requester.owner_id}
    if not is_asking and (refusal := refusal_to_answer(voices_of(actor), request)) is not None:
        return refusal
    over = _over_since(request)
    return Reason.COMMENTS_CLOSED if over is not None and now > over + OPEN_AFTER_END else None


def _sent_just_now(actor: User, request: AccessRequest, text: str, now: datetime) -> Comment | None:
    newest = request.comments.order_by("-pk").first()
    if newest is None or (newest.author_id, newest.text) != (actor.pk, text):
        return None
    return newest if now - newest.created_at < _DOUBLE_CLICK else None


def _over_since(request: AccessRequest) -> datetime | None:
    if request.state != RequestState.APPROVED:
        return request.decided_at
    return Grant.objects.filter(request_id=request.pk).values_list("ended_at", flat=True).first()

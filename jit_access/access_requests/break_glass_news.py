"""Who hears of a break-glass, at once and loudly: everybody who was skipped, security, and the loud places."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from jit_access.access_requests.denied_before import denials_before, in_words
from jit_access.access_requests.models import AccessRequest, BreakGlassReview
from jit_access.accounts.models import User
from jit_access.accounts.selectors import members_of
from jit_access.domain.roles import SECURITY
from jit_access.grants.news import describe_scope, each_of
from jit_access.notifications.alerts import alert
from jit_access.notifications.services import tell

KIND = "break-glass"


def tell_skipped(review: BreakGlassReview, request: AccessRequest, skipped: Iterable[User]) -> None:
    """Each of them by name, with who else was skipped; security too, whether the rule would have asked them or not."""
    everybody = {person.pk: person for person in (*skipped, *members_of(SECURITY)) if person.pk != review.opened_by_id}
    names = ", ".join(review.skipped) or "nobody, since nobody could have answered"
    asked = {person.pk for person in skipped}
    for person in everybody.values():
        why = "You would have been asked" if person.pk in asked else "You are told because you are in security"
        tell(
            person,
            kind=KIND,
            subject=_subject(request),
            text="\n\n".join(
                [
                    f"{request.requester.display_name} opened it at once, for {request.lasts_s // 60} min, without "
                    f"approval, and wrote: “{request.purpose}”",
                    f"{why}. Skipped: {names}.{_denied(request)}",
                    *each_of(request.target.slug, request.scope),
                    f"Security reviews what was done by {_at(review)}. You can revoke it before it ends.",
                ]
            ),
            path=f"/break-glass/{review.public_id}" if _is_security(person) else f"/activity?grant={_grant(review)}",
            dedupe_key=f"break-glass:{review.public_id}",
        )


def raise_alarm(review: BreakGlassReview, request: AccessRequest) -> None:
    """The loud places, once."""
    alert(
        KIND,
        subject=_subject(request),
        text=f"{request.requester.display_name} wrote: “{request.purpose}” Skipped: {', '.join(review.skipped)}."
        f"{_denied(request)} Review by {_at(review)}.",
        path=f"/break-glass/{review.public_id}",
        dedupe_key=f"break-glass:{review.public_id}",
    )


def cry_out_overdue(review: BreakGlassReview, *, turn: int) -> None:
    """Nobody looked in time. Said again each turn until somebody does."""
    request = review.grant.request
    what = describe_scope(request.target.slug, request.scope)
    subject = f"Overdue: {review.opened_by.display_name}’s break-glass of {what} is not reviewed"
    text = f"It was due by {_at(review)}. Until it is closed, {review.opened_by.display_name} cannot use break-glass."
    key = f"break-glass-overdue:{review.public_id}:{turn}"
    path = f"/break-glass/{review.public_id}"
    alert("break-glass-overdue", subject=subject, text=text, path=path, dedupe_key=key)
    for person in members_of(SECURITY):
        if person.pk != review.opened_by_id:
            tell(person, kind="break-glass-overdue", subject=subject, text=text, path=path, dedupe_key=key)


def tell_opener_of_verdict(review: BreakGlassReview) -> None:
    """What security said to it."""
    what = describe_scope(review.grant.target.slug, review.grant.scope)
    verdict = "justified" if review.is_justified else "not justified"
    reviewer = review.reviewer.display_name if review.reviewer is not None else "Security"
    tell(
        review.opened_by,
        kind="break-glass-reviewed",
        subject=f"Your break-glass of {what} was reviewed: {verdict}",
        text=f"{reviewer} wrote: “{review.note}”",
        path=f"/requests/{review.grant.request.public_id}",
        dedupe_key=f"break-glass-reviewed:{review.public_id}",
    )


def _denied(request: AccessRequest) -> str:
    said = in_words(denials_before(request))
    return f" Denied in the day before: {said}." if said else ""


def _subject(request: AccessRequest) -> str:
    what = describe_scope(request.target.slug, request.scope)
    return f"Break-glass: {request.requester.display_name} opened {what}"


def _at(review: BreakGlassReview) -> str:
    return f"{review.due_at.astimezone(UTC):%d %b %H:%M} UTC"


def _grant(review: BreakGlassReview) -> str:
    return review.grant.public_id


def _is_security(person: User) -> bool:
    return person.groups.filter(name=SECURITY).exists()

"""Break-glass in words: the page that asks, the reviews, and the notice that security has on every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.access_requests.denied_before import denials_before, in_words
from jit_access.access_requests.drafts import RequestDraft
from jit_access.access_requests.models import BreakGlassReview
from jit_access.access_requests.services.break_glass import LEAST_REASON_CHARS, Offer
from jit_access.access_requests.services.reviewing import NOTE_CHARS, is_running
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason, explain
from jit_access.grants.news import describe_scope
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.break_glass import GlassPage, ReviewPage, ReviewRow, ReviewsPage
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Hidden, Notice, Option, PasskeyPart

BADGE = Badge("Break-glass", "alert", "stop")
_WHY_NOT = {
    Reason.NOT_AN_APPROVER: "Security reviews this.",
    Reason.OWN_REQUEST: "Somebody else in Security reviews what you opened.",
    Reason.STATE_CHANGED: "It still runs. A verdict comes when it is over: revoke it, or wait.",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What came with the form, to be mended; `back` names what the page was opened from."""

    back: tuple[tuple[str, str], ...]
    purpose: str = ""
    typed: str = ""
    error: GatewayError | None = None
    code_error: str = ""


def build_glass(draft: RequestDraft, offer: Offer, typed: Typed, passkey: PasskeyPart | None) -> GlassPage:
    """The page that asks. Where it is not open, the reason instead of the form."""
    what = describe_scope(draft.target.slug, draft.scope.to_wire())
    lasts = figures.round_duration(offer.lasts_s)
    names = tuple(person.display_name for person in offer.skipped)
    refusal = None
    if offer.why_not is not None:
        rule = f"Rule {offer.rule}." if offer.rule else ""
        refusal = Notice(explain(offer.why_not), rule, "stop", "x", code=str(offer.why_not))
    error = typed.error
    above = error is not None and "field" not in error.fields and not typed.code_error
    return GlassPage(
        confirm=Confirm(
            id="glass",
            title=f"Break the glass for {what}?",
            effect=f"{lasts}, everyone in Security is told now. No approval is needed. Every action is reviewed within "
            "24 h. Use it when waiting does harm.",
            verb=f"Open for {lasts}",
            keep="Wait for approval",
            post_href=reverse("web:break-glass-new"),
            back_href=reverse("web:request-new"),
            fields=(
                Field(
                    "purpose", "What harm does waiting do?", typed.purpose, "textarea", max_chars=1000,
                    hint=f"At least {LEAST_REASON_CHARS} characters. Everybody who is skipped reads this.",
                    error=_said(error, "purpose"),
                ),
                Field(
                    "typed", f"Type {offer.word} to confirm", typed.typed, max_chars=200, autocomplete="off",
                    error=_said(error, "typed"),
                ),
                Field(
                    "code", "Code of your second factor", kind="code", error=typed.code_error, passkey=passkey,
                    is_required=passkey is None, hint="Shown for this alone. What you proved before does not count.",
                ),
            ),
            hidden=tuple(Hidden(name, value) for name, value in typed.back),
        ),
        skipped_title=f"{figures.plural(len(names), 'person', 'people')} would have been asked, and "
        f"{'is' if len(names) == 1 else 'are'} told by name" if names else "Nobody could have answered",
        skipped=names,
        refusal=refusal,
        notice=Notice(error.sentence, "Nothing was opened.", "stop", "alert", code=str(error.reason))
        if above and error is not None else None,
    )  # fmt: skip


def build_list(reviews: Sequence[BreakGlassReview], now: datetime) -> ReviewsPage:
    """What waits, soonest due first; below it what was said."""
    waiting = sorted((one for one in reviews if one.closed_at is None), key=lambda one: one.due_at)
    late = sum(one.due_at <= now for one in waiting)
    lead = (
        f"{figures.plural(len(waiting), 'waits', 'wait')} for a review." if waiting else "Nothing waits for a review."
    )
    return ReviewsPage(
        lead=f"{lead} {late} overdue." if late else lead,
        open=tuple(_row(one, now) for one in waiting),
        closed=tuple(_row(one, now) for one in reviews if one.closed_at is not None),
    )


def build_review(
    review: BreakGlassReview, now: datetime, *, why_not: Reason | None, typed: tuple[str, str] = ("", ""),
    error: GatewayError | None = None, can_revoke: bool = False,
) -> ReviewPage:  # fmt: skip
    """One review, with the form for whoever may close it now."""
    grant = review.grant
    what = describe_scope(grant.target.slug, grant.scope)
    facts = [
        Fact("Opened", f"{figures.day_and_time(review.opened_at)} UTC", figures.ago(review.opened_at, now)),
        Fact("For", figures.round_duration(grant.lasts_s), "still open" if is_running(review) else "over"),
        Fact("Skipped", ", ".join(review.skipped) or "nobody"),
        Fact("Review by", f"{figures.day_and_time(review.due_at)} UTC", "overdue" if _is_late(review, now) else ""),
        Fact("Rule", grant.rule, is_mono=True),
    ]
    if denied := in_words(denials_before(grant.request)):
        facts.insert(3, Fact("Denied before", denied, "in the day before it was opened"))
    if review.closed_at is not None and review.reviewer is not None:
        facts.append(
            Fact(
                "Verdict",
                "Justified" if review.is_justified else "Not justified",
                f"by {review.reviewer.display_name}, {figures.day_and_time(review.closed_at)} UTC: {review.note}",
            )
        )
    return ReviewPage(
        title=f"{review.opened_by.display_name} broke the glass for {what}",
        badge=_badge(review, now),
        quote=grant.request.purpose,
        quote_label=f"What {words.short_name(review.opened_by)} wrote",
        facts=tuple(facts),
        activity=Action(
            "See everything that was done", f"{reverse('web:activity')}?grant={grant.public_id}", "list", "primary"
        ),
        revoke=Action("Revoke it", reverse("web:grant-revoke", args=[grant.public_id]), "cut", "stop")
        if can_revoke and is_running(review) else None,
        verdict=_verdict(review, typed, error) if why_not is None else None,
        note=_WHY_NOT.get(why_not, "") if why_not is not None else "",
        notice=None if error is None or "field" in error.fields else Notice(error.sentence, "", "stop", "alert"),
    )  # fmt: skip


def alarm(reviews: Sequence[BreakGlassReview], now: datetime) -> Notice | None:
    """For security, on every page: what is open without approval now, else what is overdue."""
    running = [one for one in reviews if is_running(one)]
    if running:
        one = running[0]
        what = describe_scope(one.grant.target.slug, one.grant.scope)
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        return Notice(
            f"Break-glass: {one.opened_by.display_name} has {what} open without approval{more}.",
            f"“{one.grant.request.purpose[:160]}”",
            "stop", "alert", Action("Look at it", _href(one)),
        )  # fmt: skip
    late = [one for one in reviews if _is_late(one, now)]
    if not late:
        return None
    title = f"{figures.plural(len(late), 'break-glass review is', 'break-glass reviews are')} overdue."
    return Notice(title, "Somebody in Security has to look.", "stop", "alert", Action("Review", _href(late[0])))


def _row(review: BreakGlassReview, now: datetime) -> ReviewRow:
    return ReviewRow(
        href=_href(review),
        what=describe_scope(review.grant.target.slug, review.grant.scope),
        who=review.opened_by.display_name,
        badge=_badge(review, now),
        opened=figures.ago(review.opened_at, now),
        due=f"{figures.day_and_time(review.due_at)} UTC",
    )


def _badge(review: BreakGlassReview, now: datetime) -> Badge:
    if review.closed_at is not None:
        return Badge("Justified", "check", "live") if review.is_justified else Badge("Not justified", "x", "stop")
    if _is_late(review, now):
        return Badge("Overdue", "alert", "stop")
    return Badge("Open now", "alert", "stop") if is_running(review) else Badge("Waits for review", "clock", "wait")


def _is_late(review: BreakGlassReview, now: datetime) -> bool:
    return review.closed_at is None and review.due_at <= now


def _href(review: BreakGlassReview) -> str:
    return reverse("web:break-glass-review", args=[review.public_id])


def _verdict(review: BreakGlassReview, typed: tuple[str, str], error: GatewayError | None) -> Confirm:
    options = (("", "Choose"), ("yes", "Justified"), ("no", "Not justified"))
    return Confirm(
        id="verdict",
        title="Was it justified?",
        effect=f"{words.short_name(review.opened_by)} reads what you write. A review is closed once.",
        verb="Close the review",
        keep="Look first",
        post_href=_href(review),
        back_href=f"{reverse('web:activity')}?grant={review.grant.public_id}",
        is_danger=False,
        fields=(
            Field(
                "verdict", "Your verdict", typed[0], "select", error=_said(error, "verdict"),
                options=tuple(Option(value, label, value == typed[0]) for value, label in options),
            ),
            Field(
                "note", "What did you find?", typed[1], "textarea", max_chars=NOTE_CHARS[1], error=_said(error, "note")
            ),
        ),
    )  # fmt: skip


def _said(error: GatewayError | None, field: str) -> str:
    return error.sentence if error is not None and error.fields.get("field") == field else ""

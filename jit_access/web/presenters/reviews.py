"""Reviews in words: what a membership gives, until when somebody has to say, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.urls import reverse

from jit_access.access_reviews.models import Decision, ReviewCampaign, ReviewItem, Undecided
from jit_access.domain.lifecycle import CampaignState
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.roles import SECURITY
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.parts import Action, Badge, Fact, Field, Notice, Option, PasskeyPart
from jit_access.web.viewmodels.reviews import ItemPage, ItemRow, ReviewPage, ReviewRow, ReviewsPage, StartForm

_BADGES: dict[str, Badge] = {
    Decision.OPEN: Badge("Not decided", "clock", "wait"),
    Decision.KEPT: Badge("Kept", "check", "live"),
    Decision.REVOKED: Badge("Revoked", "x", "stop"),
    Decision.PROPOSED: Badge("Revocation proposed", "alert", "wait"),
    Decision.KEPT_UNREVIEWED: Badge("Kept without a review", "alert", "wait"),
    Decision.GONE: Badge("Not a member any more", "minus"),
}
_STATES = {CampaignState.OPEN: Badge("Open", "clock", "wait"), CampaignState.CLOSED: Badge("Closed", "check")}
_DAYS = ("7", "14", "30", "90")


def build_list(rows: Sequence[ReviewCampaign], *, may_start: bool, now: datetime) -> ReviewsPage:
    """Newest first."""
    start = Action("Start a review", reverse("web:review-new"), "plus", "primary") if may_start else None
    return ReviewsPage(tuple(_row(row, now) for row in rows), start)


def build_page(
    row: ReviewCampaign, items: Sequence[ReviewItem], *, decidable: Collection[int], has_exports: bool, now: datetime
) -> ReviewPage:
    """One review. `decidable` are the items that the viewer may decide."""
    waiting = sum(item.decision in {Decision.OPEN, Decision.PROPOSED} for item in items)
    asked = f"{waiting} of {figures.plural(len(items), 'membership')} wait for an answer."
    exports = tuple(
        Action(f"Evidence as {form.upper()}", reverse("web:review-evidence", args=[row.public_id, form]), "save")
        for form in ("csv", "json")
    )
    return ReviewPage(
        title=row.title,
        badge=_STATES[CampaignState(row.state)],
        lead=asked if waiting else "Every membership is decided.",
        facts=(
            Fact("Groups", ", ".join(row.groups)),
            Fact("Who decides", row.reviewers, "" if row.reviewers == SECURITY else "and security"),
            Fact("Deadline", figures.day_and_time(row.deadline), _left(row, now)),
            Fact("What nobody decides", Undecided(row.undecided).label),
            Fact("Started by", row.started_by.display_name, figures.ago(row.created_at, now)),
        ),
        rows=tuple(_item_row(item, now, is_decidable=item.pk in decidable) for item in items),
        exports=exports if has_exports else (),
    )


def build_item(
    item: ReviewItem,
    *,
    why_not: Reason | None,
    sent: Mapping[str, str],
    problem: str = "",
    notice: Notice | None = None,
) -> ItemPage:
    """One membership. Without `why_not`, with a field for the reason."""
    name = item.subject.display_name
    note = Field(
        "note",
        "Why",
        sent.get("note", ""),
        kind="textarea",
        max_chars=500,
        hint="It is kept with the decision.",
        error=problem,
    )
    return ItemPage(
        title=f"Does {name} still need {item.group}?",
        person=words.person_of(item.subject),
        lead=_gives(item),
        facts=(
            Fact("Group", item.group, item.role and "a role of the gateway"),
            Fact("May ask by", ", ".join(item.may_ask) or "no rule"),
            Fact("Approves by", ", ".join(item.approves) or "no rule"),
            Fact("State", _BADGES[item.decision].word, item.note),
        ),
        back_href=reverse("web:review", args=[item.campaign.public_id]),
        post_href=reverse("web:review-item", args=[item.public_id]),
        note=note if why_not is None else None,
        notice=notice or _why_not(why_not),
    )


def code_field(problem: str, passkey: PasskeyPart | None) -> Field:
    """For the second factor."""
    return Field("code", "Code", kind="code", error=problem, passkey=passkey, hint="From your authenticator app.")


def start_form(
    groups: Sequence[str], sent: Mapping[str, str], chosen: Collection[str], notice: Notice | None
) -> StartForm:
    """The form, with what was typed."""
    reviewers, undecided, days = (
        sent.get("reviewers", "security"),
        sent.get("undecided", "propose"),
        sent.get("days", "14"),
    )
    return StartForm(
        fields=(
            Field("title", "What is reviewed?", sent.get("title", ""), placeholder="Who may use models", max_chars=160),
            Field(
                "reviewers", "Who decides", kind="select",
                options=tuple(Option(word, label, word == reviewers) for word, label in _reviewers(groups)),
            ),
            Field(
                "days", "Deadline", kind="select",
                options=tuple(Option(day, f"In {day} days", day == days) for day in _DAYS),
            ),
            Field(
                "undecided", "What nobody decides", kind="select",
                options=tuple(Option(value, label, value == undecided) for value, label in Undecided.choices),
            ),
        ),
        groups=tuple(Option(name, name, name in chosen) for name in groups),
        notice=notice,
    )  # fmt: skip


def _reviewers(groups: Sequence[str]) -> tuple[tuple[str, str], ...]:
    named = tuple((name, f"Members of {name}") for name in groups if name != "security")
    return (("security", "Security"), ("manager", "Each person's manager"), *named)


def _row(row: ReviewCampaign, now: datetime) -> ReviewRow:
    note = f"{', '.join(row.groups)}. {_left(row, now)}"
    return ReviewRow(reverse("web:review", args=[row.public_id]), row.title, _STATES[CampaignState(row.state)], note)


def _left(row: ReviewCampaign, now: datetime) -> str:
    if row.state == CampaignState.CLOSED:
        return f"closed {figures.ago(row.closed_at, now)}" if row.closed_at else "closed"
    left = figures.seconds_between(row.deadline, now)
    return f"{figures.round_duration(left)} left" if left > 0 else "over"


def _item_row(item: ReviewItem, now: datetime, *, is_decidable: bool) -> ItemRow:
    told = ""
    if item.decided_at:
        by = item.decided_by.display_name if item.decided_by else "nobody"
        told = f"{by}, {figures.ago(item.decided_at, now)}. {item.note}".strip()
    href = reverse("web:review-item", args=[item.public_id]) if is_decidable else ""
    return ItemRow(words.person_of(item.subject), item.group, _gives(item), _BADGES[item.decision], told, href)


def _gives(item: ReviewItem) -> str:
    parts = []
    if item.may_ask:
        parts.append(f"may ask by {figures.plural(len(item.may_ask), 'rule')}")
    if item.approves:
        parts.append(f"approves for {figures.plural(len(item.approves), 'rule')}")
    if item.role:
        parts.append(f"is {item.role}")
    return f"{figures.joined(parts).capitalize()}." if parts else "No rule names this group."


def _why_not(reason: Reason | None) -> Notice | None:
    if reason is None or reason == Reason.NOT_FOUND:
        return None
    return Notice(explain(reason), "", "wait", "clock", code=str(reason))

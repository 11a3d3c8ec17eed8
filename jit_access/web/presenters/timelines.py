"""What became of a request, as a timeline, and the form to say something about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.access_requests.drafts import MAX_COMMENT_CHARS
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.timeline import COMMENTED, TOLD, Moment
from jit_access.domain.actors import GATEWAY
from jit_access.domain.reasons import Reason, explain
from jit_access.web import figures
from jit_access.web.viewmodels.activity import TimelineStep
from jit_access.web.viewmodels.parts import Confirm, Field
from jit_access.web.viewmodels.request_state import Talk

# With the name of whoever did it in front. Where the gateway did it, `_BY_ITSELF` says what happened.
_BY_SOMEBODY = {
    "request.submitted": "asked",
    COMMENTED: "wrote",
    "request.narrowed": "offered less",
    "request.withdrawn": "took the request back",
    "grant.activated": "started it",
    "grant.suspended": "paused it",
    "grant.resumed": "let it go on",
    "grant.relinquished": "ended it",
    "grant.revoked": "revoked it",
    "grant.extended": "went on with a longer one",
}
_BY_ITSELF = {
    TOLD: "Told who may answer",
    "request.agreed": "Agreed on, and held until the rest of its bundle is",
    "request.approved": "Everybody agreed, so it could be started",
    "request.expired": "Nobody answered in time",
    "request.invalidated": "It ended before it was decided",
    "request.denied": "It was denied",
    "verdict.voided": "An approval stands no more",
    "grant.activation_failed": "It could not start",
    "grant.shortened": "The rules made it shorter",
    "grant.narrowed": "The rules made it smaller",
    "grant.expired": "Its time ran out",
    "grant.revoked": "It was ended",
    "grant.revoke_failed": "The target could not be told that it ended",
    "grant.ended": "Nothing is left of it",
}
_STOPS = frozenset({"request.denied", "request.invalidated", "grant.revoked", "grant.revoke_failed"})
_GOOD = frozenset({"request.approved", "grant.activated"})
_QUOTED = frozenset({COMMENTED, "verdict.given", "grant.revoked", "grant.suspended", "grant.resumed"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: whether they may say something, and whether the log is theirs to open."""

    may_comment: bool
    sees_log: bool


def build_talk(request: AccessRequest, moments: Sequence[Moment], reader: Reader, now: datetime) -> Talk:
    """The whole timeline; the field below it for who may write."""
    said_by_person = {moment.at for moment in moments if moment.kind == "verdict.given"}
    # A person's denial is told as theirs, and the request's end is the same moment.
    shown = [moment for moment in moments if not (moment.kind == "request.denied" and said_by_person)]
    field = _field() if reader.may_comment else None
    return Talk(
        steps=tuple(_step(moment, reader, now) for moment in shown),
        field=field,
        post_href=reverse("web:request-comment", args=[request.public_id]),
    )


def comment_confirm(request: AccessRequest, *, back_href: str, text: str = "", error: str = "") -> Confirm:
    """The same form as a page of its own, where what was typed is kept."""
    return Confirm(
        id="comment",
        title="Write a comment",
        effect="It decides nothing. It stays with the request, for everybody who can see that.",
        verb="Send",
        keep="Back",
        post_href=reverse("web:request-comment", args=[request.public_id]),
        back_href=back_href,
        is_danger=False,
        fields=(_field(text, error),),
    )


def _field(text: str = "", error: str = "") -> Field:
    return Field(
        "text",
        "Ask or answer",
        text,
        "textarea",
        "Everybody who can see this request reads it. Never paste a secret.",
        error,
        max_chars=MAX_COMMENT_CHARS,
    )


def _step(moment: Moment, reader: Reader, now: datetime) -> TimelineStep:
    is_today = moment.at.date() == now.date()
    at = figures.exact_time(moment.at).partition(".")[0]
    return TimelineStep(
        at_iso=figures.iso(moment.at),
        at_text=at if is_today else f"{figures.day(moment.at)} {at[:5]}",
        what=_what(moment),
        more=_more(moment),
        tone="stop" if _is_stop(moment) else "done" if moment.kind in _GOOD else "",
        href=reverse("web:record", args=[moment.record]) if moment.record and reader.sees_log else "",
    )


def _is_stop(moment: Moment) -> bool:
    return moment.kind in _STOPS or (moment.kind == "verdict.given" and moment.decision == "deny")


def _what(moment: Moment) -> str:
    if moment.kind == "verdict.given":
        return f"{moment.who} {'denied' if moment.decision == 'deny' else 'approved'}"
    if moment.kind == "request.approved" and moment.reason == Reason.NO_APPROVAL_NEEDED:
        return "Policy asks nobody’s approval for this"
    doing = _BY_SOMEBODY.get(moment.kind)
    if doing and moment.who and moment.who != GATEWAY.name:
        return f"{moment.who} {doing}"
    return _BY_ITSELF.get(moment.kind, moment.kind.replace(".", " ").replace("_", " ").capitalize())


def _more(moment: Moment) -> str:
    if moment.kind in _QUOTED and moment.text:
        return f"“{moment.text}”"
    if moment.text:
        return moment.text
    if _is_stop(moment) and moment.kind != "verdict.given" and moment.reason in set(Reason):
        return explain(Reason(moment.reason))
    return ""

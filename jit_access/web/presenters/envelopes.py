"""Envelopes in words: what an agent may have without asking, what of it is used today, who agreed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse

from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason, explain
from jit_access.envelopes.budgets import DayUse
from jit_access.envelopes.limits import span
from jit_access.envelopes.models import Envelope, EnvelopeSignature
from jit_access.envelopes.news import sentence_of
from jit_access.envelopes.people import OPEN_STATES, Step
from jit_access.grants.models import Grant
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.envelopes import (
    Answer,
    Bar,
    EnvelopePage,
    EnvelopeRow,
    EnvelopesPage,
    EnvelopesSection,
    OpenGrant,
    Said,
)
from jit_access.web.viewmodels.parts import (
    TIER_BADGES,
    Action,
    Badge,
    Confirm,
    Fact,
    Field,
    Hidden,
    Notice,
    PasskeyPart,
    Rail,
    ReasonItem,
    Resource,
    ScopePart,
)

BADGES: dict[str, Badge] = {
    EnvelopeState.PROPOSED: Badge("Proposed", "clock", "wait"),
    EnvelopeState.ACTIVE: Badge("In force", "check", "live"),
    EnvelopeState.SUSPENDED: Badge("Suspended", "stop", "wait"),
    EnvelopeState.DENIED: Badge("Denied", "x", "stop"),
    EnvelopeState.REVOKED: Badge("Revoked", "x", "stop"),
    EnvelopeState.EXPIRED: Badge("Over", "clock"),
}
_REVIEW = Badge("Review due", "clock", "wait")
_SOON_USED = 80  # percent


@dataclass(frozen=True, slots=True)
class Seen:
    """One envelope and what was looked up about it for somebody."""

    row: Envelope
    used: DayUse
    now: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What one envelope's page is made from."""

    seen: Seen
    steps: tuple[Step, ...]
    signatures: Sequence[EnvelopeSignature]
    grants: Sequence[Grant]
    why_not: Reason | None
    may_end: bool
    is_asked: bool
    tiers: Mapping[str, str]
    note: str = ""
    problem: str = ""


def build_list(waiting: Iterable[Seen], rest: Iterable[Seen], *, may_propose: bool, has_agents: bool) -> EnvelopesPage:
    """Those that wait for the reader, then all others."""
    propose = Action("Propose an envelope", reverse("web:envelope-new"), "plus", "primary") if may_propose else None
    empty = (
        "An envelope lets one of your agents have something without asking, within limits that people sign."
        if has_agents
        else "Agents that you answer for, or whose envelopes you are asked to sign, would stand here."
    )
    return EnvelopesPage(tuple(map(row_of, waiting)), tuple(map(row_of, rest)), propose, empty)


def section_of(rows: Iterable[Seen], *, propose_href: str) -> EnvelopesSection:
    """On an agent's page."""
    return EnvelopesSection(tuple(map(row_of, rows)), propose_href)


def row_of(seen: Seen) -> EnvelopeRow:
    """`nightly: ci-bot may pull …`, its state and how much of the day is taken."""
    row, now = seen.row, seen.now
    is_live = row.state == EnvelopeState.ACTIVE
    used = f"{figures.size(seen.used.taken_bytes)} of {figures.size(row.bytes_per_day)} in 24 h" if is_live else ""
    return EnvelopeRow(
        reverse("web:envelope", args=[row.public_id]),
        f"{row.name}: {_sentence(row)}",
        _badge(row),
        f"{_until(row, now)}. {words.short_name(row.proposer)} answers for it.",
        used,
    )


def build_page(shown: Shown) -> EnvelopePage:
    """Everything that a person signs, before they sign it; and what became of it after."""
    row, now = shown.seen.row, shown.seen.now
    return EnvelopePage(
        title=f"{_sentence(row)}.",
        name=row.name,
        badge=_badge(row),
        lead=_lead(row, now),
        quote=row.because,
        owner=replace(words.person_of(row.agent.owner or row.proposer), note="answers for it and wrote"),
        parts=_parts(row, shown.tiers),
        bounds=(
            Fact("One grant", f"{span(row.lasts_at_most_s)} at most", "with everything that extends it"),
            Fact("Bytes", f"{figures.size(row.bytes_per_day)} in 24 h", f"{figures.size(row.bytes_per_grant)} each"),
            Fact("Pulls", f"{figures.grouped(row.grants_per_day)} in 24 h", "grants opened; files do not count"),
        ),
        limits=_limits(row, now),
        bars=_bars(shown.seen) if row.signed_round else (),
        steps=tuple(_step(step) for step in shown.steps) if row.is_asking else (),
        steps_title="Who signs the review" if row.signed_round else "Who signs it",
        said=tuple(_said(one, now) for one in shown.signatures),
        grants=tuple(_grant(one, now) for one in shown.grants),
        signed=_signed(row),
        activity_href=f"{reverse('web:activity')}?q={row.public_id}",
        answer=_answer(shown) if shown.is_asked and row.is_asking and shown.why_not is None else None,
        notice=_notice(shown),
        actions=_actions(shown),
    )


def suspend_confirm(row: Envelope, problem: str = "") -> Confirm:
    """Stopping it at once."""
    return Confirm(
        id="suspend",
        title=f"Suspend {row.name}?",
        effect=f"What {row.agent.display_name} has open under it ends now, transfers included. From now on people are "
        "asked. It goes on when those who approved it sign its review.",
        verb="Suspend it",
        keep="Let it stand",
        post_href=reverse("web:envelope-suspend", args=[row.public_id]),
        back_href=reverse("web:envelope", args=[row.public_id]),
        fields=(_why_field(problem),),
    )


def revoke_confirm(row: Envelope, problem: str = "") -> Confirm:
    """The end of it."""
    is_proposal = row.state == EnvelopeState.PROPOSED
    effect = (
        "Nobody is asked about it any more. To have it, propose it again."
        if is_proposal
        else f"What {row.agent.display_name} has open under it ends now, transfers included. To have it again, "
        "propose it again."
    )
    return Confirm(
        id="revoke",
        title=f"{'Take back' if is_proposal else 'Revoke'} {row.name}?",
        effect=effect,
        verb="Take it back" if is_proposal else "Revoke it",
        keep="Keep it",
        post_href=reverse("web:envelope-revoke", args=[row.public_id]),
        back_href=reverse("web:envelope", args=[row.public_id]),
        fields=(_why_field(problem),),
    )


def code_field(problem: str, passkey: PasskeyPart | None) -> Field:
    """For the second factor."""
    return Field("code", "Code", kind="code", error=problem, passkey=passkey, hint="From your authenticator app.")


def _sentence(row: Envelope) -> str:
    return sentence_of(row)


def _badge(row: Envelope) -> Badge:
    return _REVIEW if row.state == EnvelopeState.ACTIVE and row.is_asking else BADGES[row.state]


def _lead(row: Envelope, now: datetime) -> str:
    match row.state:
        case EnvelopeState.PROPOSED:
            return f"It opens nothing before it is signed, by {figures.end_time(row.answer_by, now)}."
        case EnvelopeState.ACTIVE:
            review = f"Review by {figures.day_and_time(row.review_by)} UTC"
            return f"What is inside is granted at once. {review}, or it is suspended."
        case EnvelopeState.SUSPENDED:
            return f"{explain(Reason(row.state_reason))} Until then people are asked."
        case _:
            said = explain(Reason(row.state_reason)) if row.state_reason else ""
            return f"{said} What is asked now, people decide."


def _until(row: Envelope, now: datetime) -> str:
    match row.state:
        case EnvelopeState.PROPOSED:
            return f"Answer by {figures.end_time(row.answer_by, now)}"
        case EnvelopeState.ACTIVE:
            return f"Review by {figures.end_time(row.review_by, now)}, ends {figures.day(row.expires_at)}"
        case EnvelopeState.SUSPENDED:
            return f"Suspended, ends {figures.day(row.expires_at)}"
        case _:
            return f"Since {figures.ago(row.ended_at, now)}" if row.ended_at else "Over"


def _parts(row: Envelope, tiers: Mapping[str, str]) -> tuple[ScopePart, ...]:
    return tuple(
        ScopePart(
            Resource(row.target.slug, part.repository),
            " and ".join(one.verb for one in Operation if one in part.operations),
            TIER_BADGES[tiers.get(part.repository, Tier.CRITICAL)],
            "" if part.is_whole else f"only {', '.join([*part.tags, *part.digests, *part.files])}",
        )
        for part in row.asked.resources
    )


def _limits(row: Envelope, now: datetime) -> tuple[Fact, ...]:
    known = {str(one["id"]): f"{one['name']} ({one['issuer']})" for one in row.payload.get("identities", [])}
    who = ", ".join(known.get(one, one) for one in row.workloads) or "Any token of the agent"
    left = figures.seconds_between(row.expires_at, now)
    return (
        Fact("Who", who, "workload identities" if row.workloads else "pinned to no workload"),
        Fact("When", f"{row.hours.text[0].upper()}{row.hours.text[1:]}", "what begins inside is over when they are"),
        Fact(
            "Ends",
            f"{figures.day_and_time(row.expires_at)} UTC",
            f"in {figures.duration(left)}" if left > 0 else "over",
        ),
        Fact("Reviewed", f"every {span(row.review_every_s)}", "or suspended"),
    )


def _bars(seen: Seen) -> tuple[Bar, ...]:
    row, used = seen.row, seen.used
    reserved = f"{figures.size(used.reserved)} of it is reserved for what is open" if used.reserved else ""
    return (
        _bar("Bytes", used.taken_bytes, row.bytes_per_day, figures.size, reserved),
        _bar("Pulls", used.grants, row.grants_per_day, figures.grouped, figures.plural(used.open_grants, "open grant")),
    )


def _bar(term: str, used: int, limit: int, say: object, note: str) -> Bar:
    percent = min(100, round(100 * used / limit)) if limit else 0
    spell = say if callable(say) else str
    value = f"{spell(used)} of {spell(limit)}"
    tone = "soon" if percent >= _SOON_USED else ""
    return Bar(term, value, note, Rail(f"{percent}%", f"{term} in 24 h: {value}", tone))


def _step(step: Step) -> ReasonItem:
    names = [one.signer.display_name for one in step.given]
    if not step.open:
        return ReasonItem(f"{figures.joined(names)} for {words.asked_title(step.word)}", "", "ok", "check")
    able = figures.joined([person.display_name for person in step.people], "or") or "Nobody"
    when = "" if step.is_now else ", after the others"
    given = f"{figures.joined(names)} signed. " if names else ""
    return ReasonItem(f"{given}{words.asked_phrase(step.open, step.word)}: {able}{when}", "", "", "clock")


def _said(one: EnvelopeSignature, now: datetime) -> Said:
    badge = Badge("Signed", "check", "live") if one.is_approval else Badge("Denied", "x", "stop")
    what = "the approval" if one.round == 1 else f"question {one.round}"
    note = f" “{one.note}”" if one.note else ""
    when = f"{figures.ago(one.created_at, now)}, {figures.day_and_time(one.created_at)} UTC"
    return Said(words.person_of(one.signer), badge, f"{what}, {when}.{note}")


def _grant(grant: Grant, now: datetime) -> OpenGrant:
    ends = f"ends {figures.end_time(grant.valid_until, now)}" if grant.valid_until else "not started"
    return OpenGrant(
        f"{reverse('web:activity')}?grant={grant.public_id}",
        grant.public_id,
        f"{ends}, up to {figures.size(grant.byte_budget)}",
    )


def _signed(row: Envelope) -> tuple[Fact, ...]:
    policy = row.payload.get("policy", {})
    refused = ", ".join(row.payload.get("terms", {}).get("refused_files", []))
    return (
        Fact("Envelope", row.public_id, is_mono=True),
        Fact("Question", str(row.round), "the approval" if row.round == 1 else "after the approval"),
        Fact("Policy", f"version {policy.get('version', 0)}", ", ".join(row.payload.get("rules", []))),
        *((Fact("Refused files", refused),) if refused else ()),
        Fact("SHA-256", row.payload_hash, is_mono=True),
    )


def _answer(shown: Shown) -> Answer:
    row = shown.seen.row
    is_review = row.signed_round > 0
    yes = "Keep it" if is_review else f"Approve until {figures.day(row.expires_at)}"
    return Answer(
        title="Your review" if is_review else "Your answer",
        lead="You sign all that stands on this page. Nobody is asked again for what is inside it"
        + (f", until {figures.day(row.review_by)} or its next review." if not is_review else "."),
        post_href=reverse("web:envelope-sign", args=[row.public_id]),
        hidden=(Hidden("payload_hash", row.payload_hash),),
        note=Field(
            "note",
            "Note",
            shown.note,
            kind="textarea",
            max_chars=500,
            is_required=False,
            optional_note="kept with your answer",
            error=shown.problem,
        ),
        yes=yes,
        no="End it" if is_review else "Deny",
    )


def _notice(shown: Shown) -> Notice | None:
    row = shown.seen.row
    if not shown.is_asked or not row.is_asking or shown.why_not is None:
        return None
    if shown.why_not is Reason.ALREADY_ANSWERED:
        return Notice("You signed this.", "Others are still asked.", "", "check")
    return Notice(explain(shown.why_not), "", "wait", "clock", code=str(shown.why_not))


def _actions(shown: Shown) -> tuple[Action, ...]:
    row = shown.seen.row
    if not shown.may_end or row.state not in OPEN_STATES:
        return ()
    suspend = Action("Suspend it", reverse("web:envelope-suspend", args=[row.public_id]), "stop")
    label = "Take it back" if row.state == EnvelopeState.PROPOSED else "Revoke it"
    revoke = Action(label, reverse("web:envelope-revoke", args=[row.public_id]), "x")
    return (suspend, revoke) if row.state == EnvelopeState.ACTIVE else (revoke,)


def _why_field(problem: str) -> Field:
    return Field("note", "Why", max_chars=300, is_required=False, optional_note="kept in the log", error=problem)

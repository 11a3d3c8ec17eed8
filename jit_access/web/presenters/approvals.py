"""The list of questions, and the one page on which somebody decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from jit_access.access_requests.inside import outside_of
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.domain.lifecycle import RequestState
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.presenters.cases import (
    Case,
    decides_next,
    limits_sentence,
    start_note,
    state_badge,
    who_is_left,
)
from jit_access.web.viewmodels.approvals import ApprovalPage, ApprovalRow, ApprovalsPage, OwnRow, Risk
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
    ReasonItem,
)

DUE_SOON_S = 2 * figures.HOUR_S
QUOTE_CHARS = 160
NOTE_CHARS = 500
MAX_WEIGHED = 6
ELEVATED_FROM, HIGH_FROM = 40, 80


@dataclass(frozen=True, slots=True)
class Weighing:
    """What the approver should know beside the request: what is open now, and how fresh their own proof is."""

    open_grants: int
    needs_code: bool
    proof_note: str
    passkey: PasskeyPart | None = None


def risk_of(score: int, *, is_filled: bool = True, is_long: bool = False) -> Risk:
    """Level, word and score; the reasons stand beside it."""
    level, word = "low", "Low"
    if score >= HIGH_FROM:
        level, word = "high", "High"
    elif score >= ELEVATED_FROM:
        level, word = "elevated", "Elevated"
    return Risk(level, word, f"{score} of 100" if is_long else str(score), is_filled)


def build_list(mine: Sequence[Case], own: Sequence[Case]) -> ApprovalsPage:
    """Soonest deadline first; one's own requests below, without buttons."""
    ordered = sorted(mine, key=lambda case: case.request.answer_by)
    return ApprovalsPage(
        lead=_lead(ordered), rows=tuple(_row(case) for case in ordered), own=tuple(_own_row(case) for case in own)
    )


def _lead(cases: Sequence[Case]) -> str:
    if not cases:
        return "Nothing waits for you."
    first = cases[0]
    left = figures.round_duration(figures.seconds_between(first.request.answer_by, first.now))
    count = len(cases)
    asked = "question waits" if count == 1 else "questions wait"
    due = "It is due" if count == 1 else "The first is due"
    return f"{figures.number_word(count)} {asked} for you. {due} in {left}."


def _sentence(case: Case) -> str:
    request = case.request
    asked = words.ask_phrase(case.scope, case.tier, request.lasts_s, request.target.kind)
    return f"{request.requester.display_name} asks to {asked}"


def _deadline(case: Case) -> str:
    left_s = figures.seconds_between(case.request.answer_by, case.now)
    by = figures.end_time(case.request.answer_by, case.now)
    return f"Answer by {by}, in {figures.round_duration(left_s)}"


def _row(case: Case) -> ApprovalRow:
    request = case.request
    purpose = request.purpose if len(request.purpose) <= QUOTE_CHARS else f"{request.purpose[: QUOTE_CHARS - 1]}…"
    return ApprovalRow(
        href=reverse("web:approval", args=[request.public_id]),
        sentence=_sentence(case),
        resource=words.resources(request.target.slug, case.scope)[0],
        person=words.person_of(request.requester),
        tier=TIER_BADGES[case.tier],
        risk=risk_of(request.risk, is_filled=False),
        deadline=_deadline(case),
        deadline_iso=figures.iso(request.answer_by),
        is_due_soon=figures.seconds_between(request.answer_by, case.now) < DUE_SOON_S,
        note=f"“{purpose}”",
        parts=case.parts,
    )


def _own_row(case: Case) -> OwnRow:
    request = case.request
    asked = words.ask_phrase(case.scope, case.tier, request.lasts_s, request.target.kind)
    is_agent = not request.requester.is_person
    subject = request.requester.display_name if is_agent else "You"
    note = (
        "Nobody approves the request of their own service account."
        if is_agent
        else "Nobody approves their own request."
    )
    return OwnRow(
        href=reverse("web:request", args=[request.public_id]),
        sentence=f"{subject} asked to {asked}",
        resource=words.resources(request.target.slug, case.scope)[0],
        badge=state_badge(case),
        note=note,
        parts=case.parts,
    )


def build_page(case: Case, *, viewer: User, weighing: Weighing, may_answer: bool, code_error: str = "") -> ApprovalPage:
    """One question with everything that is signed. Closed when it was answered, or when this person may not answer."""
    request, is_open = case.request, may_answer
    name = words.short_name(request.requester)
    badge = Badge("Waiting for you", "clock", "wait", True) if is_open else _filled(state_badge(case))
    return ApprovalPage(
        id=request.public_id,
        title=f"{badge.word} · {name} asks for {words.scope_name(case.scope)}",
        badge=badge,
        tier=TIER_BADGES[case.tier],
        risk=risk_of(request.risk),
        risk_long=risk_of(request.risk, is_long=True),
        deadline=_deadline(case) if case.is_open else "",
        sentence=_sentence(case),
        resource=words.resources(request.target.slug, case.scope)[0],
        parts=case.parts,
        person=words.person_of(request.requester),
        reason_label=f"{figures.possessive(name)} reason",
        quote=request.purpose,
        ticket=request.ticket,
        weigh=_weigh(case, weighing, name),
        bounds=_bounds(case, name),
        limits=limits_sentence(case),
        references=(*words.reference_facts(case.scope, case.request.target.kind), *case.limits),
        signed=_signed(case, viewer),
        hidden=(Hidden("payload_hash", request.payload_hash),),
        approve_href=reverse("web:approve", args=[request.public_id]),
        deny=deny_confirm(case, needs_code=weighing.needs_code, passkey=weighing.passkey) if is_open else None,
        deny_href=reverse("web:deny", args=[request.public_id]) if is_open else "",
        verb=f"Approve for {figures.round_duration(request.lasts_s)}",
        code=_code_field(code_error, weighing.passkey) if is_open and (weighing.needs_code or code_error) else None,
        proof_note=weighing.proof_note,
        notice=None if is_open else closed_notice(case, viewer),
        back=None if is_open else Action("All approvals", reverse("web:approvals"), "inbox"),
    )


def _filled(badge: Badge) -> Badge:
    return Badge(badge.word, badge.icon, badge.tone, True)


def _code_field(error: str, passkey: PasskeyPart | None) -> Field:
    hint = "6 digits. Pasting works."
    return Field("code", "Code from your authenticator", kind="code", hint=hint, error=error, passkey=passkey)


def _weigh(case: Case, weighing: Weighing, name: str) -> tuple[ReasonItem, ...]:
    raises = [
        *(ReasonItem(f"Outside {one['name']}: {one['sentence']}", one["field"], "up", "up") for one in _outside(case)),
        *(ReasonItem(*_reason(item), "up", "up") for item in case.request.risk_reasons),
    ]
    held = figures.plural(weighing.open_grants, "other grant")
    if weighing.open_grants:
        other = ReasonItem(f"{name} holds {held} now.", "other-grants", "up", "up")
    else:
        other = ReasonItem(f"{name} holds no other grant now.", "no-other-grant", "ok", "check")
    lowers = [other]
    if case.lasts_at_most_s and case.request.lasts_s * 2 <= case.lasts_at_most_s:
        lowers.append(ReasonItem("Less time than the rule would allow.", "short", "ok", "check"))
    return tuple((raises + lowers)[:MAX_WEIGHED])


def _outside(case: Case) -> list[dict[str, str]]:
    """Why an agent that has an envelope asks people."""
    return outside_of(case.request)


def _reason(item: Mapping[str, object]) -> tuple[str, str]:
    """The sentence, and what it adds with its code."""
    return str(item["sentence"]), f"+{item['points']} {item['code']}"


def _bounds(case: Case, name: str) -> tuple[Fact, ...]:
    request = case.request
    most = f"longest allowed {figures.round_duration(case.lasts_at_most_s)}" if case.lasts_at_most_s else ""
    covers = words.scope_note(case.scope, case.request.target.kind)
    size = (
        f"{figures.size(case.size_bytes)} in all"
        if case.size_bytes
        else "of this repository"
        if len(case.scope.resources) == 1
        else "of each repository"
    )
    return (
        Fact("Lasts", figures.round_duration(request.lasts_s), _extension_note(request) or most),
        Fact("Starts", f"When {name} does", start_note(request, case.now)),
        Fact("Covers", covers, size),
    )


def _extension_note(request: AccessRequest) -> str:
    """How much of it is new, for somebody who holds the rest already."""
    older = request.extends
    if older is None or older.valid_until is None:
        return ""
    more = request.lasts_s - figures.seconds_between(older.valid_until, request.created_at)
    return f"an extension by {figures.round_duration(round(more, -1))}"


def _signed(case: Case, viewer: User) -> tuple[Fact, ...]:
    request = case.request
    mine = {state.group for state in case.states if any(user.pk == viewer.pk for user in state.people)}
    left = [state for state in case.states if state.open and state.group not in mine]
    others = [words.asked_phrase(state.open, state.group) for state in left]
    digest = request.payload_hash
    rows = [Fact("Policy", ", ".join(request.rules), f"version {request.policy_version.number}", is_mono=True)]
    if others:
        rows.append(Fact("Also needed", figures.joined(others)))
    rows.append(Fact("Request", request.public_id, is_mono=True))
    rows.append(Fact("You sign", f"sha256 {digest[:16]} … {digest[-8:]}", is_mono=True))
    return tuple(rows)


def deny_confirm(
    case: Case,
    *,
    note: str = "",
    code_error: str = "",
    needs_code: bool = False,
    passkey: PasskeyPart | None = None,
) -> Confirm:
    """A denial tells the requester why. One is enough."""
    request = case.request
    name = words.short_name(request.requester)
    what = words.held_word(case.scope)
    field = Field(
        "note",
        f"Why? {name} reads this.",
        note,
        "textarea",
        "What would be enough instead?",
        max_chars=NOTE_CHARS,
    )
    fields = (field, _code_field(code_error, passkey)) if needs_code else (field,)
    return Confirm(
        id="deny",
        title=f"Deny {figures.possessive(name)} {words.held_phrase(case.scope, 'of')}?",
        effect="One denial decides. It cannot be taken back; a new request can be made.",
        verb=f"Deny {figures.possessive(name)} {what}",
        keep="Back",
        post_href=reverse("web:deny", args=[request.public_id]),
        back_href=reverse("web:approval", args=[request.public_id]),
        is_danger=False,
        fields=fields,
        hidden=(Hidden("payload_hash", request.payload_hash),),
    )


def closed_notice(case: Case, viewer: User) -> Notice:
    """Already answered: who, when, and what comes next."""
    own = next((verdict for verdict in case.verdicts if verdict.approver_id == viewer.pk), None)
    if own is not None and case.is_open:
        asked = min((state.stage for state in case.states if state.open and state.is_now), default=0)
        title = f"Approved. {decides_next(case)}" if asked > own.step.stage else "Approved."
        return Notice(title, who_is_left(case), "live", "check")
    if own is not None:
        return _own_answer(case, own.is_approval)
    denial = case.denial
    if denial is not None:
        return Notice(
            f"Denied by {words.short_name(denial.approver)}, {figures.ago(denial.created_at, case.now)}.", icon="x"
        )
    if case.request.state == RequestState.APPROVED:
        given = [verdict for verdict in case.verdicts if verdict.is_approval]
        names = figures.joined([words.short_name(verdict.approver) for verdict in given])
        at = figures.ago(case.request.decided_at or case.now, case.now)
        return Notice(f"Approved by {names or 'policy'}, {at}.", "Nothing is left to answer.", icon="check")
    return Notice("This request is over.", "It was withdrawn, or nobody answered in time.", icon="clock")


def not_yet_asked_notice(case: Case) -> Notice:
    """For whoever is asked in a later stage: shown, without buttons."""
    more = f"{who_is_left(case)} You are told when it is your turn."
    return Notice("Others decide this first.", more, icon="clock", code="not-yet-asked")


def own_request_notice(case: Case) -> Notice:
    """Shown, without buttons, with the reason."""
    return Notice("Nobody approves their own request.", who_is_left(case), icon="person", code="own-request")


def _own_answer(case: Case, is_approval: bool) -> Notice:
    name = words.short_name(case.request.requester)
    if not is_approval:
        return Notice("Denied.", f"{name} was told, with your reason.", icon="x")
    if case.request.state == RequestState.APPROVED:
        return Notice("Approved.", f"{name} can start now, and was told.", "live", "check")
    return Notice("You approved.", "The request ended otherwise.", icon="check")

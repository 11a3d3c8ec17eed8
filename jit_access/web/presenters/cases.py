"""One access request told: how far it is, who still has to answer, and everything an approver weighs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse

from jit_access.access_requests.inside import envelope_of, outside_of
from jit_access.access_requests.less import narrowing_lines
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.access_requests.people import StepState, step_states
from jit_access.access_requests.selectors import usual_wait_s
from jit_access.accounts.models import User
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.operations import Operation, Tier, operations_of
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.grants.models import Grant
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.presenters.grants import extension_words
from jit_access.web.presenters.limits import limit_facts
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Notice, ScopePart
from jit_access.web.viewmodels.request_state import AskedStep, RequestPage

_MAX_NAMES = 3


@dataclass(frozen=True, slots=True)
class Case:
    """A request with its steps and verdicts. Tiers and terms come from the payload: what is shown is what is signed."""

    request: AccessRequest
    states: tuple[StepState, ...]
    verdicts: tuple[Verdict, ...]
    now: datetime
    usual_wait_s: int | None = None

    @property
    def scope(self) -> Scope:
        return parse_scope(self.request.scope)

    @property
    def is_open(self) -> bool:
        return self.request.state == RequestState.PENDING and self.request.answer_by > self.now

    @property
    def denial(self) -> Verdict | None:
        return next((verdict for verdict in self.verdicts if not verdict.is_approval), None)

    @property
    def needed(self) -> int:
        return sum(state.needed for state in self.states)

    @property
    def given(self) -> int:
        return sum(min(state.needed, len(state.given)) for state in self.states)

    @property
    def tier(self) -> Tier:
        return words.worst_tier(Tier(item["tier"]) for item in self.request.payload["resources"])

    @property
    def parts(self) -> tuple[ScopePart, ...]:
        """Every repository with its own operations and tier, where there are several."""
        tiers = {item["repository"]: item["tier"] for item in self.request.payload["resources"]}
        return words.scope_parts(self.request.target.slug, self.scope, self.request.target.kind, tiers)

    @property
    def size_bytes(self) -> int:
        return sum(max(0, item["size_bytes"]) for item in self.request.payload["resources"])

    @property
    def limits(self) -> tuple[Fact, ...]:
        terms = self.request.payload["terms"]
        budgets = terms.get("byte_budget", 0), terms.get("request_budget", 0)
        return limit_facts(*budgets, terms.get("refused_files", ()), self.request.target.kind)

    @property
    def lasts_at_most_s(self) -> int:
        return int(self.request.payload["terms"]["lasts_at_most_s"])


def load_case(request: AccessRequest, now: datetime) -> Case:
    """Everything that belongs to a request, read once."""
    verdicts = tuple(request.verdicts.select_related("approver", "on_behalf_of").order_by("created_at", "pk"))
    states = step_states(request)
    return Case(request, states, verdicts, now, usual_wait_s([state.group for state in states]))


def state_badge(case: Case) -> Badge:
    """The request's state in a word."""
    state = case.request.state
    if state == RequestState.PENDING:
        if not case.is_open:
            return Badge("No answer", "clock")
        if case.request.agreed_reason:
            return Badge("Agreed, held", "check", "wait")
        progress = f"{case.given} of {case.needed} approved" if case.given else "Waiting"
        return Badge(progress, "clock", "wait")
    if case.request.is_break_glass:
        return Badge("Break-glass", "alert", "stop")
    return {
        RequestState.APPROVED: Badge("Approved", "check", "live"),
        RequestState.DENIED: Badge("Denied", "x", "stop"),
        RequestState.WITHDRAWN: Badge("Withdrawn", "back"),
        RequestState.EXPIRED: Badge("No answer", "clock"),
        RequestState.INVALIDATED: Badge("Ended", "x", "stop"),
    }[RequestState(state)]


def who_is_left(case: Case) -> str:
    """`Cleo or Mara still has to answer.`: by name while they are few, by group when they are many."""
    now = [state for state in case.states if state.open and state.is_now]
    if not now:
        return "Nobody has to answer any more."
    if any(not state.people for state in now) and case.is_open:
        lacking = figures.joined([words.asked_title(state.group) for state in now if not state.people])
        return f"Nobody can answer for {lacking} now. The operators were told."
    parts = [_one_of(list(state.people), state.open, state.group) for state in now]
    verb = "has" if len(parts) == 1 else "have"
    later = figures.joined([words.asked_phrase(state.open, state.group) for state in case.states if _is_later(state)])
    return f"{figures.joined(parts)} still {verb} to answer." + (f" Then {later}." if later else "")


def decides_next(case: Case) -> str:
    """`Security decides next.`, for whoever just completed a stage."""
    now = [words.asked_title(state.group) for state in case.states if state.open and state.is_now]
    return f"{figures.joined(now)} {'decides' if len(now) == 1 else 'decide'} next."


def _is_later(state: StepState) -> bool:
    return bool(state.open) and not state.is_now


def _one_of(people: list[User], left: int, group: str) -> str:
    names = [words.short_name(user) for user in people]
    if not names or len(names) > _MAX_NAMES:
        return words.asked_phrase(left, group)
    if left < len(names):
        return figures.joined(names, "or") if left == 1 else f"{left} of {figures.joined(names)}"
    return figures.joined(names)


def waiting_words(case: Case) -> tuple[Badge, str]:
    """The badge and the sentence for the list in My access."""
    usual = f" Usually {figures.round_duration(case.usual_wait_s)}." if case.usual_wait_s is not None else ""
    return state_badge(case), f"{who_is_left(case)}{usual}"


def state_notice(case: Case, *, is_new: bool = False) -> Notice:
    """The state as a sentence, what it means, and what to do."""
    request, now = case.request, case.now
    state = RequestState(request.state)
    if state is RequestState.PENDING and case.is_open:
        return _pending_notice(case, is_new=is_new)
    if state is RequestState.APPROVED:
        return _approved_notice(case)
    if state is RequestState.DENIED and case.denial is not None:
        return Notice(
            f"Denied by {words.short_name(case.denial.approver)}.",
            f"“{case.denial.note}”" if case.denial.note else "No reason was written.",
            "stop",
            "x",
            code=request.end_reason,
        )
    if state is RequestState.WITHDRAWN:
        return Notice("Withdrawn.", "Nobody can answer it any more.", icon="back", code=request.end_reason)
    if state is RequestState.INVALIDATED:
        return Notice(
            "This request ended before it was decided.",
            "Something it stood on changed: the account, a group, the target or the policy. Ask again.",
            "stop",
            "alert",
            code=request.end_reason,
        )
    by = figures.end_time(request.answer_by, now)
    return Notice(
        f"Nobody answered by {by}, so this request ended.", "Ask again.", icon="clock", code="answer-too-late"
    )


def _pending_notice(case: Case, *, is_new: bool) -> Notice:
    by = figures.end_time(case.request.answer_by, case.now)
    if case.request.agreed_reason:
        held = f"It is granted when everything asked with it is, by {by}."
        return Notice("Agreed on, and held.", held, icon="check", code=str(Reason.BUNDLE_HELD))
    if case.given:
        title = f"{case.given} of {case.needed} approved."
    elif is_new:
        count = case.needed
        title = f"Sent. {figures.number_word(count)} {'person decides' if count == 1 else 'people decide'}."
    else:
        title = "Waiting for an answer."
    left = who_is_left(case)
    usual = ""
    if case.usual_wait_s is not None:
        usual = f" Half of these are answered in {figures.round_duration(case.usual_wait_s)}."
    return Notice(title, f"{_by(left, by)}{usual} You can close this page; we write to you.", icon="inbox")


def _by(left: str, by: str) -> str:
    """The first sentence says until when."""
    first, dot, rest = left.partition(".")
    return f"{first}, by {by}{dot}{rest}"


def _approved_notice(case: Case) -> Notice:
    if case.request.is_break_glass:
        more = "Everybody who was skipped was told. Security reviews what was done within 24 h."
        return Notice("Opened at once, without approval.", more, "stop", "alert", code=str(Reason.BREAK_GLASS))
    lasts = figures.round_duration(case.request.lasts_s)
    names = figures.joined([words.short_name(verdict.approver) for verdict in case.verdicts if verdict.is_approval])
    who = f"{names} approved. " if names else f"{_by_rule(case)} "
    by = figures.end_time(case.request.start_by, case.now)
    grant = getattr(case.request, "grant", None)
    if grant is not None and grant.activated_at is not None:
        return _started_notice(grant, who, case.now)
    if case.request.extends is not None:
        more = extension_words(case.request.extends, case.now)
        return Notice("Approved. Start it to go on.", f"{who}{more} Start before {by}.", "live", "check")
    opens_at = case.request.not_before
    if opens_at is not None and case.now < opens_at:
        begins = f"Approved. Your {lasts} can start from {figures.end_time(opens_at, case.now)}."
        return Notice(begins, f"{who}We write to you then. Start before {by}.", "live", "check")
    return Notice(f"Approved. Your {lasts} start when you do.", f"{who}Start before {by}.", "live", "check")


def _by_rule(case: Case) -> str:
    """Which rules approved, and each condition; or that nobody had to."""
    found, envelope = case.request.auto_approval, envelope_of(case.request)
    if envelope is not None:
        names = figures.joined([figures.first_name(name) for name in envelope["signed_by"]])
        when = figures.day(datetime.fromisoformat(envelope["signed_at"]))
        return f"It is inside envelope {envelope['name']}, approved by {names} on {when}."
    if not found:
        return "Policy asks nobody's approval for this."
    return " ".join(f"Rule {one['rule']} approved this by itself: {' '.join(one['conditions'])}" for one in found)


def _started_notice(grant: Grant, who: str, now: datetime) -> Notice:
    if grant.state == GrantState.ACTIVE and grant.valid_until is not None and grant.valid_until > now:
        return Notice(
            "Approved, and started.", f"{who}It ends {figures.end_time(grant.valid_until, now)}.", "live", "check"
        )
    return Notice("Approved, started, and over.", f"{who}My access says how it ended.", icon="check")


def asked_steps(case: Case) -> tuple[AskedStep, ...]:
    """Everybody who has to agree, stage by stage, with names and times."""
    stages = {state.stage for state in case.states}
    return tuple(
        replace(_asked_step(case, state), stage=f"Stage {state.stage} of {len(stages)}" if len(stages) > 1 else "")
        for state in case.states
    )


def _asked_step(case: Case, state: StepState) -> AskedStep:
    said = [_said(verdict, case) for verdict in state.given]
    title = words.asked_title(state.group)
    denial = case.denial
    if denial is not None and denial.step_id == state.step.pk:
        return AskedStep(Badge("Denied", "x", "stop"), title, _said(denial, case))
    if case.request.is_break_glass:
        names = figures.joined([words.short_name(one) for one in state.people])
        return AskedStep(Badge("Skipped", "alert", "stop"), title, f"{names or 'Nobody there'}, told at once")
    if not state.open:
        return AskedStep(Badge("Approved", "check", "live"), title, "; ".join(said))
    if not case.is_open:
        badge = Badge("No answer", "clock")
    else:
        badge = Badge("Asked later", "clock") if _is_later(state) else Badge("Waiting", "clock", "wait")
    left = _one_of(list(state.people), state.open, state.group)
    away = [_away(person, state, case.now) for person in state.people if person.pk in state.standings]
    return AskedStep(badge, title, "; ".join([*said, left, *away]))


def _away(person: User, state: StepState, now: datetime) -> str:
    """`Ben is away until 3 Dec; Cleo answers for Ben`."""
    name, said = words.short_name(person), state.standings[person.pk]
    away = f"{name} is away until {figures.end_time(said.away_until, now)}" if said.away_until else ""
    lent = f"{words.short_name(said.stand_in)} answers for {name}" if said.stand_in else ""
    return "; ".join(part for part in (away, lent) if part)


def _said(verdict: Verdict, case: Case) -> str:
    who = words.short_name(verdict.approver)
    if verdict.on_behalf_of is not None:
        who = f"{who} for {words.short_name(verdict.on_behalf_of)}"
    return f"{who}, {figures.ago(verdict.created_at, case.now)}"


def three_numbers(case: Case) -> tuple[Fact, ...]:
    """Answer by, starts, lasts: three separate ends, never one."""
    request, now = case.request, case.now
    left_s = figures.seconds_between(request.answer_by, now)
    answered = f"in {figures.round_duration(left_s)}" if case.is_open else "over"
    return (
        Fact("Answer by", figures.end_time(request.answer_by, now), answered),
        Fact("Starts", "When you do", start_note(request, now)),
        Fact("Lasts", figures.round_duration(request.lasts_s), "from the start"),
    )


def start_note(request: AccessRequest, now: datetime) -> str:
    """`before 15:08 UTC`, `from 24 Nov 09:00 UTC, before 25 Nov 09:00 UTC`."""
    before = f"before {figures.end_time(request.start_by, now)}"
    return before if request.not_before is None else f"from {figures.end_time(request.not_before, now)}, {before}"


def withdraw_confirm(case: Case) -> Confirm:
    """Withdrawing takes the question away; it never takes it out of the log."""
    return Confirm(
        id="withdraw",
        title="Withdraw your request?",
        effect="Nobody can answer it any more. What you wrote stays in the log.",
        verb="Withdraw",
        keep="Keep it",
        post_href=reverse("web:request-withdraw", args=[case.request.public_id]),
        back_href=reverse("web:request", args=[case.request.public_id]),
        is_danger=False,
    )


def build_request_page(
    case: Case, *, viewer: User, is_new: bool = False, start_href: str = "", glass_href: str = ""
) -> RequestPage:
    """The waiting page, which is also the page of the finished request."""

    request = case.request
    is_own = request.requester_id == viewer.pk
    badge = state_badge(case)
    notice = state_notice(case, is_new=is_new)
    if start_href:
        notice = Notice(notice.title, notice.more, notice.tone, notice.icon, Action("Start now", start_href))
    who = "You" if is_own else request.requester.display_name
    asked = words.ask_phrase(case.scope, case.tier, request.lasts_s, request.target.kind)
    can_withdraw = is_own and case.is_open
    again_href = f"{reverse('web:request-new')}?again={request.public_id}"
    is_over = not case.is_open and (request.state != RequestState.APPROVED or _grant_is_over(request))
    return RequestPage(
        id=request.public_id,
        title=f"{badge.word} · {words.scope_name(case.scope)}",
        notice=notice,
        resource=words.resources(request.target.slug, case.scope)[0],
        badge=badge,
        parts=case.parts,
        sentence=f"{who} asked to {asked}",
        quote=request.purpose,
        ticket=request.ticket,
        numbers=three_numbers(case),
        steps=asked_steps(case),
        facts=_facts(case),
        withdraw=withdraw_confirm(case) if can_withdraw else None,
        withdraw_href=reverse("web:request-withdraw", args=[request.public_id]) if can_withdraw else "",
        refresh_href=reverse("web:request", args=[request.public_id]),
        is_live=case.is_open,
        again=Action("Ask again", again_href) if is_own and is_over else None,
        less=_less_notice(case),
        glass_href=glass_href,
    )


def _grant_is_over(request: AccessRequest) -> bool:
    grant = getattr(request, "grant", None)
    return grant is not None and grant.state in {GrantState.ENDED, GrantState.ACTIVATION_FAILED}


def _less_notice(case: Case) -> Notice | None:
    """What approvers took away, where the requester reads it."""
    lines = narrowing_lines(case.request)
    if not lines:
        return None
    more = "What is above is what is asked now." if case.is_open else "What is above is what was decided."
    return Notice(" ".join(lines), more, "wait", "alert", code="narrowed")


def _facts(case: Case) -> tuple[Fact, ...]:
    request = case.request
    facts = [
        Fact("Sent", f"{figures.day_and_time(request.created_at)} UTC", figures.ago(request.created_at, case.now)),
        Fact("Covers", words.scope_note(case.scope, request.target.kind)),
    ]
    facts += (*words.reference_facts(case.scope, request.target.kind), *case.limits)
    facts += envelope_facts(request)
    rules = ", ".join(request.rules)
    facts.append(Fact("Policy", rules, f"version {request.policy_version.number}", is_mono=True))
    return tuple(facts)


def envelope_facts(request: AccessRequest) -> tuple[Fact, ...]:
    """Inside which envelope of the agent it is, or what of the nearest one it exceeds."""
    envelope, outside = envelope_of(request), outside_of(request)
    if envelope is not None:
        return (Fact("Envelope", envelope["name"], envelope["id"]),)
    if not outside:
        return ()
    return (Fact(f"Outside {outside[0]['name']}", " ".join(one["sentence"] for one in outside)),)


def limits_sentence(case: Case) -> str:
    """What approving would not allow, and what ends it early."""
    operations = case.scope.operations
    known = frozenset[Operation]().union(
        *(operations_of(case.request.target.kind, part.repository) for part in case.scope.resources)
    )
    denied = [operation.value for operation in Operation if operation in known - operations]
    if not words.is_uniform(case.scope):
        return "Only what is listed above, on each repository. What is running is cut when you or Security revoke."
    names = "no other repository" if len(case.scope.resources) == 1 else "only these repositories"
    part = words.reference_word(case.request.target.kind) or "part"
    others = [] if all(item.is_whole for item in case.scope.resources) else [f"no other {part}"]
    nots = ", ".join([*(f"no {word}" for word in denied), names, *others])
    phrase = words.operations_title(operations)
    return f"{phrase} only: {nots}. What is running is cut when you or Security revoke."

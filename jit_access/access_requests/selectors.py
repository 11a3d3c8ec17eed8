"""Reads of requests: whose turn it is, what was said, who still may say something."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Count, Q, QuerySet

from jit_access.access_requests.drafts import RequestDraft, make_draft
from jit_access.access_requests.models import AccessRequest, Bundle, Verdict
from jit_access.access_requests.people import (
    StepState,
    answered_by,
    choose_step,
    counts,
    refusal_to_answer,
    stage_asked,
    step_states,
)
from jit_access.access_requests.voices import Voice, asked_requests, voices_of
from jit_access.accounts.models import User
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope

RECENT = timedelta(days=7)
WAITS_LOOKED_AT, WAITS_NEEDED = 30, 5  # a figure from fewer cases would be a rumour


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One waiting request as one person sees it. Without `may_answer` it is shown with the reason, without buttons."""

    request: AccessRequest
    why_not: Reason | None

    @property
    def may_answer(self) -> bool:
        return self.why_not is None


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One request with everything that decides it, for one reader."""

    request: AccessRequest
    steps: tuple[StepState, ...]
    verdicts: tuple[Verdict, ...]
    why_not: Reason | None
    factor_max_age_s: int
    approver_level: int  # mfa.assurance.Level
    answers_for: Voice | None = None  # for whom this reader would answer, as their stand-in

    @property
    def may_answer(self) -> bool:
        return self.why_not is None


def lock_request(pk: int) -> AccessRequest:
    """The row as it is now, held until the transaction ends. Only inside one."""
    # Requests that are decided together are put in order by their bundle: two of them cannot wait for each other.
    Bundle.objects.select_for_update(of=("self",), no_key=True).filter(requests__pk=pk).order_by().first()
    rows = AccessRequest.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("requester", "target", "policy_version", "bundle").get(pk=pk)


def with_related(requests: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """Everything a page or the API shows of a request, in one query."""
    return requests.select_related(
        "requester", "requester__owner", "target", "policy_version", "extends", "grant", "bundle"
    )


def requests_of(*, actor: User) -> QuerySet[AccessRequest]:
    """What an actor asked, or a service account of theirs, newest first."""
    theirs = Q(requester=actor) | Q(requester__owner=actor)
    return with_related(AccessRequest.objects.filter(theirs)).order_by("-created_at", "-pk")


def waiting_requests_of(*, actor: User, now: datetime) -> QuerySet[AccessRequest]:
    """Own requests that wait for people, soonest deadline first."""
    waiting = requests_of(actor=actor).filter(state=RequestState.PENDING, answer_by__gt=now)
    return waiting.order_by("answer_by", "pk")


def recently_refused_of(*, actor: User, now: datetime) -> QuerySet[AccessRequest]:
    """Own requests that ended without a grant within the last 7 days, newest end first."""
    over = requests_of(actor=actor).exclude(state__in=[RequestState.PENDING, RequestState.APPROVED])
    return over.filter(decided_at__gt=now - RECENT).order_by("-decided_at", "-pk")


def approvals_queue(*, actor: User, now: datetime) -> tuple[QueueItem, ...]:
    """What waits for an answer of this person's groups, and their own requests without buttons. Soonest first.

    Ten queries at most, however long the queue is: groups, the time, for whom one stands in, rows, owners of the
    targets, steps, verdicts, who gave them and for whom, their groups.
    """
    voices = voices_of(actor)
    asked = asked_requests(voices if actor.is_active and actor.is_person else ())
    mine = Q(requester=actor) | Q(requester__owner=actor)
    waiting = AccessRequest.objects.filter(Q(pk__in=asked.values("pk")) | mine)
    waiting = waiting.filter(state=RequestState.PENDING, answer_by__gt=now)
    rows = with_related(waiting).prefetch_related(
        "steps", "verdicts__approver__groups", "verdicts__on_behalf_of__groups", "target__owners"
    )
    ordered = rows.order_by("answer_by", "pk")
    items = [QueueItem(request, why_not_answer(actor, request, now=now, voices=voices)) for request in ordered]
    return tuple(item for item in items if item.why_not != Reason.NOT_YET_ASKED)


def describe_request(*, actor: User, request: AccessRequest, now: datetime) -> RequestDetail:
    """Steps, verdicts and people of one request, and whether this reader may answer it."""
    states = step_states(request)
    verdicts = request.verdicts.select_related("approver", "on_behalf_of", "step").order_by("created_at", "pk")
    return RequestDetail(
        request=request,
        steps=states,
        verdicts=tuple(verdicts),
        why_not=why_not_answer(actor, request, now=now),
        factor_max_age_s=min((state.step.approver_factor_max_age_s for state in states), default=0),
        approver_level=max((state.step.approver_level for state in states), default=0),
        answers_for=lent_voice(actor, states),
    )


def lent_voice(actor: User, states: tuple[StepState, ...]) -> Voice | None:
    """For whom an approval of this person would count, where it would not be their own."""
    try:
        found = choose_step(voices_of(actor), states)
    except PolicyRefusal:
        return None
    return None if found is None or found[1].person.pk == actor.pk else found[1]


def why_not_answer(
    actor: User, request: AccessRequest, *, now: datetime, voices: tuple[Voice, ...] = ()
) -> Reason | None:
    """None when this person may approve now. A page hides its buttons by this; the service asks again by itself."""
    if request.state != RequestState.PENDING:
        return Reason.ALREADY_DECIDED
    if now >= request.answer_by:
        return Reason.ANSWER_TOO_LATE
    mine_now = voices or voices_of(actor)
    if (refusal := refusal_to_answer(mine_now, request)) is not None:
        return refusal
    verdicts, steps = list(request.verdicts.all()), list(request.steps.all())
    answered = answered_by(verdicts)
    if actor.pk in answered:
        return Reason.ALREADY_ANSWERED
    mine_now = tuple(voice for voice in mine_now if voice.person.pk not in answered)
    given = {step.pk: sum(counts(verdict, step, request) for verdict in verdicts) for step in steps}
    mine = {
        step.stage
        for step in steps
        if given[step.pk] < step.needed and any(voice.can_fill(step.group, request) for voice in mine_now)
    }
    if (stage := stage_asked(steps, given)) in mine:
        return None
    return Reason.NOT_YET_ASKED if any(later > stage for later in mine) else Reason.NOT_AN_APPROVER


def decided_by(request: AccessRequest) -> tuple[str, ...]:
    """The names of those whose answers decided: who denied, or all who agreed."""
    is_approval = request.state == RequestState.APPROVED
    if request.state not in {RequestState.APPROVED, RequestState.DENIED}:
        return ()
    deciding = request.verdicts.filter(is_approval=is_approval).order_by("created_at", "pk")
    return tuple(deciding.values_list("approver__display_name", flat=True))


def usual_wait_s(groups: Collection[str]) -> int | None:
    """How long half of the newest cases took that these very groups decided, in seconds. None while there are few."""
    wanted = frozenset(groups)
    decided = AccessRequest.objects.filter(state__in=[RequestState.APPROVED, RequestState.DENIED], is_break_glass=False)
    same = decided.annotate(every=Count("steps"), matching=Count("steps", filter=Q(steps__group__in=wanted))).filter(
        every=len(wanted), matching=len(wanted), decided_at__isnull=False
    )
    times = same.order_by("-decided_at").values_list("created_at", "decided_at")[:WAITS_LOOKED_AT]
    waits = [(decided_at - created_at).total_seconds() for created_at, decided_at in times if decided_at]
    return int(median(waits)) if wanted and len(waits) >= WAITS_NEEDED else None


def ask_again_from(request: AccessRequest) -> RequestDraft:
    """The same question once more, to be changed and sent by its requester."""
    return make_draft(
        target=request.target,
        scope=parse_scope(request.scope),
        lasts_s=request.lasts_s,
        purpose=request.purpose,
        ticket=request.ticket,
    )


def is_approver(*, actor: User) -> bool:
    """True when somebody ever was asked whom this person could answer; decides whether a page is offered, no more."""
    if not actor.is_active or not actor.is_person:
        return False
    return asked_requests(voices_of(actor)).exists()

"""Envelopes: the list, one of them with the answer of whoever is asked, and an owner's proposal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.access_requests.knowing import known_to
from jit_access.accounts import selectors as accounts
from jit_access.accounts.access import get_agent
from jit_access.accounts.models import User
from jit_access.accounts.standing import why_stopped
from jit_access.core import clock
from jit_access.domain.errors import CallerError, GatewayError, NotFound
from jit_access.domain.lifecycle import LIVE_GRANT_STATES
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.envelopes import access, services
from jit_access.envelopes.budgets import day_use
from jit_access.envelopes.drafts import EnvelopeDraft
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.people import OPEN_STATES, refusal_to_sign, steps_of
from jit_access.envelopes.services import Word
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.targets.tiers import tiers_of
from jit_access.web.frames import assurance_of
from jit_access.web.pages import NEEDS_PROOF, page, person, render_page, say
from jit_access.web.presenters import envelope_form as forms
from jit_access.web.presenters import envelopes as words
from jit_access.web.presenters.envelopes import Seen, Shown
from jit_access.web.proofs import CODE_PROBLEMS, code_problem, code_status, passkey_part, prove_verdict
from jit_access.web.viewmodels.parts import Confirm, Notice
from jit_access.workloads.selectors import fault_of, trusts_of

_METHODS = ["GET", "HEAD", "POST"]
_LISTED_GRANTS = 20
_SAID_ON_THE_PAGE = frozenset(
    {
        Reason.OWN_REQUEST, Reason.NOT_AN_APPROVER, Reason.NOT_YET_ASKED, Reason.NEEDED_LATER, Reason.ALREADY_ANSWERED,
        Reason.ALREADY_DECIDED, Reason.ANSWER_TOO_LATE, Reason.PAYLOAD_CHANGED, Reason.LOCKED, Reason.STATE_CHANGED,
    }
)  # fmt: skip


@require_safe
@page()
def show_envelopes(request: HttpRequest) -> HttpResponse:
    """What waits for the reader's signature, and all that they may see."""
    actor, now = person(request), clock.now()
    waiting = access.waiting_for(actor)
    keys = {row.pk for row in waiting}
    rest = [row for row in access.visible_envelopes(actor) if row.pk not in keys]
    agents = _agents(actor)
    built = words.build_list(
        [_seen(row, now) for row in waiting],
        [_seen(row, now) for row in rest],
        may_propose=bool(agents),
        has_agents=bool(agents),
    )
    return render_page(request, "web/envelopes.html", built, current="envelopes")


@require_safe
@page()
def show_envelope(request: HttpRequest, public_id: str) -> HttpResponse:
    """Everything that is signed, what of it is used today, and who said what."""
    found = access.get_envelope(person(request), public_id)
    return _render(request, found)


@require_http_methods(_METHODS)
@page()
def propose(request: HttpRequest) -> HttpResponse:
    """For people who answer for an agent."""
    actor = person(request)
    agents = _agents(actor)
    if not agents:
        raise NotFound
    if request.method != "POST":
        require_fresh(request, STEP_UP_MAX_AGE_S)
        first = request.GET.get("agent", "")
        return _form(request, agents, forms.Typed(sent={"agent": first} if first else {}))
    typed = forms.Typed(
        {name: str(value) for name, value in request.POST.items()},
        request.POST.getlist("days"),
        request.POST.getlist("operations"),
        request.POST.getlist("workloads"),
    )
    held = require_fresh(request, STEP_UP_MAX_AGE_S)
    try:
        draft = _draft(actor, typed)
        row = services.propose_envelope(actor=actor, draft=draft, assurance=held)
    except GatewayError as error:
        if error.reason in NEEDS_PROOF:
            raise
        problem = error if isinstance(error, CallerError) else CallerError(error.reason, error.sentence)
        return _form(request, agents, replace(typed, error=problem))
    say(request, "Proposed.", "It opens nothing before it is signed. Those who could sign were told.")
    return redirect("web:envelope", public_id=row.public_id)


@require_POST
@page()
def sign(request: HttpRequest, public_id: str) -> HttpResponse:
    """Agree or refuse, to exactly what was shown."""
    actor = person(request)
    found = access.get_envelope(actor, public_id)
    said = request.POST.get("answer", "")
    word = Word(said == "approve", request.POST.get("payload_hash", ""), request.POST.get("note", ""))
    try:
        if said not in {"approve", "deny"}:
            raise CallerError(Reason.INVALID_INPUT, "Say yes or no.")
        proof = prove_verdict(request, word.payload_hash)
        row = services.sign_envelope(actor=actor, envelope=found, word=word, assurance=proof)
    except GatewayError as error:
        return _refused(request, found, error)
    if not word.is_approval:
        say(request, f"{row.name} is {row.state}.", "People decide what the agent asks.", "stop")
    elif row.is_asking:
        say(request, "Signed.", "Others are still asked.")
    else:
        say(request, f"{row.name} is in force.", "What is inside is granted at once.")
    return redirect("web:envelope", public_id=row.public_id)


@require_http_methods(_METHODS)
@page()
def suspend(request: HttpRequest, public_id: str) -> HttpResponse:
    """Stop it at once. It goes on when its review is signed."""
    return _end(request, public_id, words.suspend_confirm, _suspend)


@require_http_methods(_METHODS)
@page()
def revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    """End it for good, or take a proposal back."""
    return _end(request, public_id, words.revoke_confirm, _revoke)


def _suspend(actor: User, row: Envelope, note: str) -> str:
    services.suspend_envelope(actor=actor, envelope=row, note=note)
    return f"{row.name} is suspended."


def _revoke(actor: User, row: Envelope, note: str) -> str:
    services.revoke_envelope(actor=actor, envelope=row, note=note)
    return f"{row.name} is over."


def _end(
    request: HttpRequest,
    public_id: str,
    confirm: Callable[[Envelope, str], Confirm],
    act: Callable[[User, Envelope, str], str],
) -> HttpResponse:
    actor = person(request)
    row = access.get_envelope(actor, public_id)
    if not access.may_end(actor, row):
        raise NotFound
    problem = ""
    if request.method == "POST":
        try:
            said = act(actor, row, request.POST.get("note", ""))
        except CallerError as error:
            if error.reason != Reason.INVALID_INPUT:
                raise
            problem = error.sentence
        else:
            say(request, said, "What it opened has ended.", "stop")
            return redirect("web:envelope", public_id=public_id)
    status = 422 if problem else 200
    built = confirm(row, problem)
    return render_page(request, "web/confirm.html", None, current="envelopes", confirm=built, status=status)


def _refused(request: HttpRequest, row: Envelope, error: GatewayError) -> HttpResponse:
    if error.reason in CODE_PROBLEMS:
        return _render(request, row, code=code_problem(error), status=code_status(error))
    if error.reason in NEEDS_PROOF:
        return _render(request, row, code="Type a code; your last proof is too old for this.", status=422)
    if error.reason == Reason.INVALID_INPUT:
        return _render(request, row, problem=error.sentence, status=422)
    if error.reason in _SAID_ON_THE_PAGE:
        notice = Notice(error.sentence, "Nothing was signed.", "wait", "alert", code=str(error.reason))
        fresh = access.get_envelope(person(request), row.public_id)
        return _render(request, fresh, notice=notice, status=error.status)
    raise error


def _render(
    request: HttpRequest,
    row: Envelope,
    *,
    problem: str = "",
    code: str = "",
    notice: Notice | None = None,
    status: int = 200,
) -> HttpResponse:
    actor, now, held = person(request), clock.now(), assurance_of(request)
    steps = steps_of(row)
    live = Grant.objects.filter(envelope=row.public_id, state__in=LIVE_GRANT_STATES).order_by("-pk")
    names = [part.repository for part in row.asked.resources]
    shown = Shown(
        seen=_seen(row, now),
        steps=steps,
        signatures=list(row.signatures.select_related("signer").order_by("-pk")),
        grants=list(live[:_LISTED_GRANTS]),
        why_not=refusal_to_sign(actor, row, steps),
        may_end=access.may_end(actor, row),
        is_asked=row.state in OPEN_STATES and access.is_asked(actor, row),
        tiers={name: str(tier) for name, tier in tiers_of(row.target, names).items()},
        note=request.POST.get("note", ""),
        problem=problem,
    )
    built = words.build_page(shown)
    terms = row.payload["terms"]
    longest = min(terms["approver_factor_max_age_s"], services.SIGN_FACTOR_MAX_AGE_S)
    is_fresh = held.is_proved and held.age_s is not None and held.age_s <= longest
    is_strong = held.level >= terms["approver_level"]
    if built.answer is not None and (code or not is_fresh or not is_strong):
        part = passkey_part(request, row.payload_hash, level=terms["approver_level"])
        built = replace(built, answer=replace(built.answer, code=words.code_field(code, part)))
    if notice is not None:
        built = replace(built, notice=notice)
    return render_page(request, "web/envelope.html", built, current="envelopes", status=status)


def _form(request: HttpRequest, agents: list[User], typed: forms.Typed) -> HttpResponse:
    now = clock.now()
    trusts = [trust for agent in agents for trust in trusts_of(agent) if fault_of(trust, now) is None]
    identities = [forms.Identity(one.public_id, f"{one.agent.display_name}: {one.name}") for one in trusts]
    built = forms.build_form(agents, identities, typed)
    status = 422 if typed.error is not None else 200
    return render_page(request, "web/envelope_form.html", built, current="envelopes", status=status)


def _draft(actor: User, typed: forms.Typed) -> EnvelopeDraft:
    sent = typed.sent
    agent = get_agent(actor, sent.get("agent", ""))
    slug, parts = forms.read_resources(sent.get("resources", ""), typed.operations)
    scope = parse_scope(parts)
    target = known_to(actor).get_target_for(slug, [part.repository for part in scope.resources])
    return EnvelopeDraft(
        agent=agent,
        target=target,
        scope=scope,
        name=sent.get("name", ""),
        because=sent.get("because", ""),
        lasts_at_most_s=forms.read_number("lasts", sent.get("lasts", ""), [str(one) for one in forms.LASTS]),
        bytes_per_day=forms.read_bytes("bytes_per_day", sent.get("bytes_per_day", "")),
        bytes_per_grant=forms.read_bytes("bytes_per_grant", sent.get("bytes_per_grant", "")),
        grants_per_day=forms.read_number("grants_per_day", sent.get("grants_per_day", "")),
        expires_at=forms.end_after(forms.read_number("expires", sent.get("expires", ""), forms.ENDS_DAYS), clock.now()),
        review_every_s=int(
            timedelta(days=forms.read_number("review", sent.get("review", ""), forms.REVIEW_DAYS)).total_seconds()
        ),
        hours=forms.read_hours(typed.days, sent),
        workloads=tuple(typed.workloads),
    )


def _agents(actor: User) -> list[User]:
    """Those for whom an envelope could be proposed."""
    if not actor.is_person:
        return []
    return [agent for agent in accounts.accounts_of(actor).select_related("owner") if why_stopped(agent) is None]


def _seen(row: Envelope, now: datetime) -> Seen:
    return Seen(row, day_use(row, now), now)

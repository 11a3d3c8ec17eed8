"""Which workloads stand for an agent: the list, one more, a second person's word, taking it back, trying claims."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.accounts.models import User
from jit_access.accounts.standing import why_stopped
from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.frames import assurance_of
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import trust_forms
from jit_access.web.presenters import workload_identities as words
from jit_access.web.viewmodels.agents import Section
from jit_access.workloads import access, selectors, services
from jit_access.workloads.models import TrustedIssuer
from jit_access.workloads.sample import Sample, look_at

_METHODS = ["GET", "HEAD", "POST"]


def identities_section(request: HttpRequest, agent: User) -> Section | None:
    """The part of the agent's page; see `web.agent_sections`."""
    viewer = person(request)
    built = words.build_section(agent, _shown(viewer, agent), clock.now(), may_add=_may_add(viewer, agent))
    return Section("components/identities.html", built)


@require_safe
@page()
def show_identities(request: HttpRequest, public_id: str) -> HttpResponse:
    """All of them, those that are over as well."""
    return _list(request, access.get_agent(actor=person(request), public_id=public_id))


@require_POST
@page()
def try_sample(request: HttpRequest, public_id: str) -> HttpResponse:
    """Hold pasted claims beside what is pinned. Changes nothing, and what was pasted is not shown again."""
    request.confirm_page = reverse("web:identities", args=[public_id])  # type: ignore[attr-defined]  # see web.pages
    agent = access.get_agent(actor=person(request), public_id=public_id)
    try:
        sample = look_at(agent=agent, text=request.POST.get("sample", ""))
    except CallerError as error:
        return _list(request, agent, error=error.sentence)
    return _list(request, agent, sample=sample)


@require_http_methods(_METHODS)
@page()
def trust(request: HttpRequest, public_id: str) -> HttpResponse:
    """Which issuer, then what a workload of it must be. Owners only, after a fresh second factor."""
    actor = person(request)
    agent = access.get_agent(actor=actor, public_id=public_id)
    if agent.owner_id != actor.pk:
        raise NotFound
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if (stopped := why_stopped(agent)) is not None:
        raise PolicyRefusal(stopped)
    named = request.POST.get("issuer") or request.GET.get("issuer") or ""
    if not named:
        choices = trust_forms.choose_issuer(agent, list(selectors.standing_issuers()))
        return render_page(request, "web/choice.html", choices, current="agents")
    issuer = access.get_issuer(actor=actor, public_id=named)
    if request.method != "POST":
        return _ask(request, agent, issuer)
    try:
        order = trust_forms.read_order(issuer, request.POST.dict())
        row = services.propose_trust(actor=actor, agent=agent, order=order, assurance=assurance_of(request))
    except CallerError as error:
        return _ask(request, agent, issuer, error)
    say(request, f"{row.name} waits for a second person.", "Everybody who could confirm it was told.", "wait")
    return redirect("web:identities", public_id=agent.public_id)


@require_http_methods(_METHODS)
@page()
def confirm(request: HttpRequest, public_id: str, trust_id: str) -> HttpResponse:
    """A second person's word, after a fresh second factor."""
    actor = person(request)
    row = access.get_trust(actor=actor, agent_id=public_id, public_id=trust_id)
    if not access.may_confirm(actor, row) and request.method != "POST":
        return redirect("web:identities", public_id=public_id)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return render_page(request, "web/trust_confirm.html", words.build_confirm(row, clock.now()), current="agents")
    try:
        services.confirm_trust(actor=actor, trust=row, assurance=assurance_of(request))
        say(request, f"{row.name} is trusted as {row.agent.display_name}.", f"{row.proposed_by.display_name} was told.")
    except Conflict as error:
        say(request, error.sentence, "Nothing was changed.", "wait")
    return redirect("web:identities", public_id=public_id)


@require_http_methods(_METHODS)
@page()
def revoke(request: HttpRequest, public_id: str, trust_id: str) -> HttpResponse:
    """Its owner, operators and security take it back, without proving anything first."""
    actor = person(request)
    row = access.get_trust(actor=actor, agent_id=public_id, public_id=trust_id)
    if request.method != "POST":
        if not access.may_revoke(actor, row):
            raise NotFound
        return render_page(request, "web/confirm.html", None, current="agents", confirm=words.build_revoke(row))
    services.revoke_trust(actor=actor, trust=row, note=request.POST.get("note", "")[:300])
    say(request, f"{row.name} stands for nobody any more.", "The access tokens it got are refused.", "stop")
    return redirect("web:identities", public_id=public_id)


def _list(request: HttpRequest, agent: User, *, sample: Sample | None = None, error: str = "") -> HttpResponse:
    viewer = person(request)
    built = words.build_page(
        agent,
        _shown(viewer, agent),
        clock.now(),
        may_add=_may_add(viewer, agent),
        sample=sample,
        error=error,
    )
    return render_page(request, "web/identities.html", built, current="agents", status=422 if error else 200)


def _ask(request: HttpRequest, agent: User, issuer: TrustedIssuer, error: CallerError | None = None) -> HttpResponse:
    form = trust_forms.ask(agent, issuer, request.POST.dict(), error)
    status = 200 if error is None else 409 if isinstance(error, Conflict) else 422
    notice = trust_forms.notice_of(error)
    return render_page(request, "web/confirm.html", None, current="agents", confirm=form, notice=notice, status=status)


def _shown(viewer: User, agent: User) -> list[words.Shown]:
    now = clock.now()
    return [
        words.Shown(row, selectors.fault_of(row, now), access.may_confirm(viewer, row), access.may_revoke(viewer, row))
        for row in selectors.trusts_of(agent)[:100]
    ]


def _may_add(viewer: User, agent: User) -> bool:
    return agent.owner_id == viewer.pk and why_stopped(agent) is None

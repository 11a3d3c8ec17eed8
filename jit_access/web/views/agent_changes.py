"""Making a service account, describing it anew, suspending, resuming and retiring it. Each asks for a fresh factor."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from jit_access.accounts import access, services
from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.accounts.services import AgentOrder
from jit_access.domain.errors import CallerError
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import agent_form
from jit_access.web.presenters import agents as words
from jit_access.web.viewmodels.parts import Confirm

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@page()
def make(request: HttpRequest) -> HttpResponse:
    """A new agent of one's own."""
    actor = person(request)
    services.check_may_make(actor=actor)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    groups = services.groups_to_give(actor)
    if request.method != "POST":
        built = agent_form.new_form(groups, agent_form.Typed())
        return render_page(request, "web/agent_form.html", built, current="agents")
    typed = agent_form.read(request.POST)
    order = AgentOrder(typed.name, typed.purpose, typed.display_name or typed.name, typed.groups)
    try:
        agent = services.make_agent(actor=actor, order=order)
    except CallerError as error:
        built = agent_form.new_form(groups, typed, error)
        return render_page(request, "web/agent_form.html", built, current="agents", status=422)
    say(request, f"{agent.display_name} is made.", "Now give it something to act by.")
    return redirect(words.href_of(agent))


@require_http_methods(_METHODS)
@page()
def change(request: HttpRequest, public_id: str) -> HttpResponse:
    """Another name, purpose or groups."""
    actor = person(request)
    agent = access.get_agent(actor, public_id)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    has = groups_of(agent)
    groups = services.groups_to_give(actor)
    if request.method != "POST":
        built = agent_form.change_form(agent, groups, agent_form.of_agent(agent, has))
        return render_page(request, "web/agent_form.html", built, current="agents")
    typed = agent_form.read(request.POST)
    try:
        services.describe_agent(
            actor=actor, agent=agent, display_name=typed.display_name, purpose=typed.purpose, groups=typed.groups
        )
    except CallerError as error:
        built = agent_form.change_form(agent, groups, typed, error)
        return render_page(request, "web/agent_form.html", built, current="agents", status=422)
    say(request, "Saved.", "What it may ask for was looked at again.")
    return redirect(words.href_of(agent))


@require_http_methods(_METHODS)
@page()
def suspend(request: HttpRequest, public_id: str) -> HttpResponse:
    """Stop it at once."""
    note = request.POST.get("note", "")

    def act(actor: User, agent: User) -> str:
        services.suspend_agent(actor=actor, agent=agent, note=note)
        return "Its grants ended. Take it up again when you like."

    return _confirmed(request, public_id, words.suspend_confirm, act)


@require_http_methods(_METHODS)
@page()
def resume(request: HttpRequest, public_id: str) -> HttpResponse:
    """Let it act again."""

    def act(actor: User, agent: User) -> str:
        services.resume_agent(actor=actor, agent=agent)
        return "Its tokens work again."

    return _confirmed(request, public_id, words.resume_confirm, act)


@require_http_methods(_METHODS)
@page()
def retire(request: HttpRequest, public_id: str) -> HttpResponse:
    """End it for good."""

    def act(actor: User, agent: User) -> str:
        services.retire_agent(actor=actor, agent=agent)
        return "Its grants and tokens ended."

    return _confirmed(request, public_id, words.retire_confirm, act)


def _confirmed(
    request: HttpRequest, public_id: str, ask: Callable[[User], Confirm], act: Callable[[User, User], str]
) -> HttpResponse:
    actor = person(request)
    agent = access.get_agent(actor, public_id)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return render_page(request, "web/confirm.html", None, current="agents", confirm=ask(agent))
    more = act(actor, agent)
    say(request, f"{agent.display_name}: {words.agent_badge(agent).word.lower()}.", more, "")
    return redirect(words.href_of(agent))

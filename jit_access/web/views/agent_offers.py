"""Giving an agent to another person: asking them, taking it back, accepting, declining."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from jit_access.accounts import access, services
from jit_access.accounts.selectors import find_by_name
from jit_access.domain.errors import CallerError, NotFound
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import agents as words
from jit_access.web.viewmodels.parts import Confirm


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def offer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Name somebody. Nothing changes until they accept."""
    actor = person(request)
    agent = access.see_agent(actor, public_id)
    if not services.may_offer(actor, agent):
        raise NotFound
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        confirm = words.offer_confirm(agent)
        return render_page(request, "web/confirm.html", None, current="agents", confirm=confirm)
    typed = {"to": request.POST.get("to", ""), "note": request.POST.get("note", "")}
    to = find_by_name(typed["to"])
    try:
        made = services.offer_agent(actor=actor, agent=agent, to=to, note=typed["note"])
    except CallerError as error:
        said = (str(error.fields.get("field", "to")), error.sentence)
        confirm = words.offer_confirm(agent, typed, said)
        return render_page(request, "web/confirm.html", None, current="agents", confirm=confirm, status=422)
    say(request, f"{made.to.display_name} is asked.", "You answer for it until they accept.")
    return redirect(words.href_of(agent))


@require_POST
@page()
def accept(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer for it from now on."""
    actor = person(request)
    agent = access.see_agent(actor, public_id)
    request.confirm_page = words.href_of(agent)  # type: ignore[attr-defined]  # where a stale factor leads back to
    require_fresh(request, STEP_UP_MAX_AGE_S)
    services.accept_agent(actor=actor, offer=access.get_offer(actor, agent))
    say(request, f"You answer for {agent.display_name} now.", "Its old tokens ended. Make it a new one.")
    return redirect(words.href_of(agent))


@require_POST
@page()
def decline(request: HttpRequest, public_id: str) -> HttpResponse:
    """Say no. Costs no factor: it is the safe direction."""
    actor = person(request)
    agent = access.see_agent(actor, public_id)
    services.decline_agent(actor=actor, offer=access.get_offer(actor, agent))
    say(request, "You said no.", "Whoever asked is told.", "")
    return redirect("web:agents")


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take the offer back."""
    actor = person(request)
    agent = access.see_agent(actor, public_id)
    made = access.get_offer(actor, agent)
    if not services.may_offer(actor, agent):
        raise NotFound
    if request.method != "POST":
        confirm = Confirm(
            id="withdraw",
            title=f"Take it back from {made.to.display_name}?",
            effect="They can accept it no more.",
            verb="Take it back",
            keep="Leave it offered",
            post_href=words.href_of(agent, "withdraw"),
            back_href=words.href_of(agent),
            is_danger=False,
        )
        return render_page(request, "web/confirm.html", None, current="agents", confirm=confirm)
    services.withdraw_offer(actor=actor, offer=made)
    say(request, "Taken back.", "", "")
    return redirect(words.href_of(agent))

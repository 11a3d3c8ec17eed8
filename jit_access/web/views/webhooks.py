"""An agent's webhook on its page: the section, the address, the secret that is shown once, another secret, removal."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from jit_access.accounts import access
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.errors import CallerError, NotFound
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import webhooks as words
from jit_access.web.viewmodels.agents import Section
from jit_access.webhooks import selectors, services
from jit_access.webhooks.services import Registered

_METHODS = ["GET", "HEAD", "POST"]
_SHOWN = 5  # of the deliveries, on the page; the API has all of them


def section(request: HttpRequest, agent: User) -> Section | None:
    """For the person who answers for the agent."""
    if agent.owner_id != person(request).pk:
        return None
    webhook = selectors.webhook_of(agent)
    rows = list(selectors.deliveries_of(agent)[:_SHOWN]) if webhook is not None else []
    return Section("components/webhook.html", words.build_section(agent, webhook, rows, clock.now()))


@require_http_methods(_METHODS)
@page()
def address(request: HttpRequest, public_id: str) -> HttpResponse:
    """Register one, or move the one that is there."""
    actor, agent = person(request), access.get_agent(person(request), public_id)
    assurance = require_fresh(request, STEP_UP_MAX_AGE_S)
    webhook = selectors.webhook_of(agent)
    if request.method != "POST":
        return _ask(request, agent, webhook.url if webhook is not None else "")
    url = request.POST.get("url", "").strip()
    try:
        if webhook is None:
            made = services.register_webhook(actor=actor, agent=agent, url=url, assurance=assurance)
            return _show_secret(request, agent, made)
        services.change_webhook(actor=actor, agent=agent, url=url, assurance=assurance)
    except CallerError as error:
        return _ask(request, agent, url, error)
    say(request, "Saved.", "News goes to the new address from now on.")
    return redirect(words.home_of(agent))


@require_http_methods(_METHODS)
@page()
def rotate(request: HttpRequest, public_id: str) -> HttpResponse:
    """Another secret, shown once."""
    actor, agent = person(request), access.get_agent(person(request), public_id)
    assurance = require_fresh(request, STEP_UP_MAX_AGE_S)
    if selectors.webhook_of(agent) is None:
        raise NotFound
    if request.method != "POST":
        confirm = words.rotate_confirm(agent)
        return render_page(request, "web/confirm.html", None, current="agents", confirm=confirm)
    return _show_secret(request, agent, services.rotate_secret(actor=actor, agent=agent, assurance=assurance))


@require_http_methods(_METHODS)
@page()
def remove(request: HttpRequest, public_id: str) -> HttpResponse:
    """Tell nobody any more."""
    actor, agent = person(request), access.get_agent(person(request), public_id)
    assurance = require_fresh(request, STEP_UP_MAX_AGE_S)
    if selectors.webhook_of(agent) is None:
        raise NotFound
    if request.method != "POST":
        confirm = words.remove_confirm(agent)
        return render_page(request, "web/confirm.html", None, current="agents", confirm=confirm)
    services.remove_webhook(actor=actor, agent=agent, assurance=assurance)
    say(request, "The webhook is removed.", "What waited to be sent is dropped.")
    return redirect(words.home_of(agent))


@require_POST
@page()
def try_it(request: HttpRequest, public_id: str) -> HttpResponse:
    """Send a message that says nothing."""
    actor, agent = person(request), access.get_agent(person(request), public_id)
    request.confirm_page = reverse("web:agent", args=[public_id])  # type: ignore[attr-defined]  # read by `pages`
    services.try_webhook(actor=actor, agent=agent)
    say(request, "A test is on its way.", "Load this page again in a moment: its outcome stands under Webhook.")
    return redirect(words.home_of(agent))


def _ask(request: HttpRequest, agent: User, url: str, error: CallerError | None = None) -> HttpResponse:
    confirm = words.address_form(agent, url, error.sentence if error is not None else "")
    status = 200 if error is None else 422
    return render_page(request, "web/confirm.html", None, current="agents", confirm=confirm, status=status)


def _show_secret(request: HttpRequest, agent: User, made: Registered) -> HttpResponse:
    return render_page(request, "web/webhook_secret.html", words.secret_page(agent, made), current="agents")

"""Linking one's own Slack account, seeing and unlinking it. Each step that adds power needs a fresh second factor."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.core import clock
from jit_access.domain.errors import Conflict, NotFound
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.notifications import slack_links
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import slack_link as words
from jit_access.web.viewmodels.slack_link import SlackLinkPage

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@page()
def show(request: HttpRequest) -> HttpResponse:
    """Where it stands. *I have sent it* posts here, and changes nothing."""
    _require_slack()
    if request.method == "POST":
        if slack_links.waiting_link_of(person(request)) is None:
            say(request, "No code of yours has arrived yet.", "It takes a few seconds. Load this page again.", "wait")
        return redirect("web:settings-slack")
    user, now = person(request), clock.now()
    link, waiting = slack_links.link_of(user), slack_links.waiting_link_of(user)
    if link is not None and link.confirmed_at is not None:
        return _render(request, words.linked_page(link))
    return _render(request, words.waiting_page(waiting, now) if waiting else words.start_page())


@require_http_methods(_METHODS)
@page()
def make_code(request: HttpRequest) -> HttpResponse:
    """The code, shown once. A GET, after the second factor or a reload, leads back to the button."""
    _require_slack()
    request.confirm_page = reverse("web:settings-slack")  # type: ignore[attr-defined]  # where a GET works
    if request.method != "POST":
        return redirect("web:settings-slack")
    require_fresh(request, STEP_UP_MAX_AGE_S)
    return _render(request, words.code_page(slack_links.make_code(actor=person(request)).reveal()))


@require_http_methods(["POST"])
@page()
def confirm(request: HttpRequest) -> HttpResponse:
    """*That is me*, of exactly the account that was shown."""
    _require_slack()
    request.confirm_page = reverse("web:settings-slack")  # type: ignore[attr-defined]  # where a GET works
    require_fresh(request, STEP_UP_MAX_AGE_S)
    try:
        slack_links.confirm_link(actor=person(request), slack_user_id=request.POST.get("slack_user_id", ""))
    except Conflict as refusal:
        say(request, refusal.sentence, "Nothing was linked.", "wait")
    else:
        say(request, "Your Slack account is linked.", "Its clicks count as yours from now on.")
    return redirect("web:settings-slack")


@require_http_methods(_METHODS)
@page()
def unlink(request: HttpRequest) -> HttpResponse:
    """Taking power away needs no second factor: who lost a Slack account is in a hurry."""
    _require_slack()
    link = slack_links.link_of(person(request))
    if link is None:
        return redirect("web:settings-slack")
    if request.method != "POST":
        confirm = words.unlink_confirm(link)
        return render_page(request, "web/confirm.html", None, current="settings", confirm=confirm)
    slack_links.remove_link(actor=person(request))
    say(request, "No Slack account is linked to you.", "Clicks of that one count for nobody.")
    return redirect("web:settings-slack")


def _require_slack() -> None:
    """Pages of what is not set up are not there."""
    if not settings.SLACK_TEAM_ID:
        raise NotFound


def _render(request: HttpRequest, built: SlackLinkPage) -> HttpResponse:
    return render_page(request, "web/slack_link.html", built, current="settings")

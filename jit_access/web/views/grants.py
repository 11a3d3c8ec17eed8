"""What a holder does with a grant: start it, end it; and its end by somebody else."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.core import clock
from jit_access.domain.errors import NotFound
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.scopes import parse_scope
from jit_access.grants import access, services
from jit_access.grants.models import Grant
from jit_access.web import figures
from jit_access.web.frames import assurance_of
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import grants as words
from jit_access.web.presenters.words import scope_name

# What a revocation would still take something away from.
REVOCABLE = frozenset({GrantState.SCHEDULED, GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED})


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def start(request: HttpRequest, public_id: str) -> HttpResponse:
    """Start the clock of an approved grant. A stale factor leads to the proof and back to this page."""
    grant = own_grant(request, public_id)
    if request.method == "POST":
        started = services.activate_grant(actor=person(request), grant=grant, assurance=assurance_of(request))
        lasts = figures.round_duration(started.lasts_s)
        say(request, f"Started. It runs for {lasts}.", "Get a token, then use the commands below.")
        return redirect("web:my-access")
    if grant.state != GrantState.SCHEDULED:
        return redirect("web:my-access")
    confirm = words.start_confirm(grant, clock.now())
    return render_page(request, "web/confirm.html", None, current="my-access", confirm=confirm)


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def end(request: HttpRequest, public_id: str) -> HttpResponse:
    """*End now*. A repeat changes nothing."""
    grant = own_grant(request, public_id)
    if request.method == "POST":
        services.relinquish_grant(actor=person(request), grant=grant)
        name = scope_name(parse_scope(grant.scope))
        is_own = grant.subject_id == person(request).pk
        whose = "your" if is_own else figures.possessive(grant.subject.display_name, is_person=False)
        say(request, f"Ended. Nothing is left of {whose} access to {name}.", "Its tokens are refused from now on.")
        return redirect("web:my-access")
    if grant.state not in {GrantState.ACTIVE, GrantState.SUSPENDED}:
        return redirect("web:my-access")
    confirm = words.end_confirm(grant, person(request))
    return render_page(request, "web/confirm.html", None, current="my-access", confirm=confirm)


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    """End somebody's grant: for security, and for whoever may approve such a request."""
    actor = person(request)
    grant = access.get_grant(actor=actor, public_id=public_id)
    if not access.may_revoke(actor, grant):
        raise NotFound
    story = f"{reverse('web:activity')}?grant={grant.public_id}"
    if request.method == "POST":
        services.revoke_grant(actor=actor, grant=grant, note=request.POST.get("note", "").strip())
        say(request, f"Revoked. {grant.subject.display_name} was told.", "What was running is cut.")
        return redirect(story)
    if grant.state not in REVOCABLE:
        return redirect(story)
    confirm = words.revoke_confirm(grant)
    return render_page(request, "web/confirm.html", None, current="activity", confirm=confirm)


def own_grant(request: HttpRequest, public_id: str) -> Grant:
    """A grant of one's own or of one's service account: what others hold is not acted on from here."""
    actor = person(request)
    grant = access.get_grant(actor=actor, public_id=public_id)
    if actor.pk not in {grant.subject_id, grant.subject.owner_id}:
        raise NotFound
    return grant

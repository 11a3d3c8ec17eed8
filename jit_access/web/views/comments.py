"""Saying something about a request. GET is the form as a page, POST sends."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.access_requests import access, services
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.timeline import timeline_of
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SEES_EVERYTHING
from jit_access.web.frames import groups_of
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters.bundles import build_together
from jit_access.web.presenters.timelines import Reader, build_talk, comment_confirm
from jit_access.web.viewmodels.request_state import Talk, Together


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def comment(request: HttpRequest, public_id: str) -> HttpResponse:
    """To the other side. What was typed stays when it cannot be sent."""
    actor = person(request)
    row = access.get_request(actor=actor, public_id=public_id)
    back = _back(actor, row)
    text, error, status = request.POST.get("text", ""), "", 200
    if request.method == "POST":
        try:
            services.add_comment(actor=actor, request=row, text=text)
            return redirect(f"{back}#talk")
        except (CallerError, Conflict) as refusal:
            if refusal.reason == Reason.NOT_FOUND:
                raise
            error, status = refusal.sentence, refusal.status
    confirm = comment_confirm(row, back_href=back, text=text, error=error)
    return render_page(request, "web/confirm.html", None, confirm=confirm, status=status)


def talk_of(request: HttpRequest, row: AccessRequest) -> Talk:
    """The timeline of a request, for whoever reads it here."""
    actor, now = person(request), clock.now()
    may_comment = services.why_not_comment(actor, row, now=now) is None
    sees_log = bool(groups_of(request) & SEES_EVERYTHING)
    return build_talk(row, timeline_of(row), Reader(may_comment, sees_log), now)


def together_of(actor: User, row: AccessRequest) -> Together | None:
    """What this request was asked together with, for whoever reads it here."""
    if row.bundle is None:
        return None
    seen = access.visible_requests(actor=actor).filter(bundle=row.bundle).order_by("pk")
    return build_together(row, list(seen), is_asking=actor.pk in {row.requester_id, row.requester.owner_id})


def _back(actor: User, row: AccessRequest) -> str:
    is_asking = actor.pk in {row.requester_id, row.requester.owner_id}
    return reverse("web:request" if is_asking else "web:approval", args=[row.public_id])

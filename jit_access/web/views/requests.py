"""One request after sending: its state, who still has to answer, withdraw."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from jit_access.access_requests import access, selectors, services
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.services.break_glass import find_offer
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.grants.models import Grant
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters.cases import build_request_page, load_case, withdraw_confirm
from jit_access.web.views.comments import talk_of, together_of


@require_safe
@page()
def show_request(request: HttpRequest, public_id: str) -> HttpResponse:
    """The waiting page, and the page of what became of it."""
    actor = person(request)
    row = access.get_request(actor=actor, public_id=public_id)
    case = load_case(row, clock.now())
    built = build_request_page(
        case,
        viewer=actor,
        is_new="new" in request.GET,
        start_href=_start_href(row, actor),
        glass_href=_glass_href(row, actor),
    )
    talk, together = talk_of(request, row), together_of(actor, row)
    return render_page(request, "web/request_state.html", built, current="request-new", talk=talk, together=together)


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take the question back."""
    actor = person(request)
    row = access.get_request(actor=actor, public_id=public_id)
    if request.method == "POST":
        services.withdraw_request(actor=actor, request=row)
        say(request, "Withdrawn.", "Nobody can answer it any more.", "")
        return redirect("web:my-access")
    case = load_case(row, clock.now())
    if not case.is_open:
        return redirect("web:request", public_id=public_id)
    return render_page(request, "web/confirm.html", None, current="request-new", confirm=withdraw_confirm(case))


def _start_href(row: AccessRequest, actor: User) -> str:
    grant = Grant.objects.filter(request=row, subject=actor, state=GrantState.SCHEDULED).first()
    is_early = grant is not None and grant.not_before is not None and clock.now() < grant.not_before
    return reverse("web:grant-start", args=[grant.public_id]) if grant and not is_early else ""


def _glass_href(row: AccessRequest, actor: User) -> str:
    """For what waits, or ended without a grant, where a rule lets its requester open it at once."""
    is_stuck = row.state != RequestState.APPROVED and row.extends_id is None
    if not is_stuck or row.requester_id != actor.pk or not actor.is_person:
        return ""
    offer = find_offer(actor=actor, draft=selectors.ask_again_from(row))
    return f"{reverse('web:break-glass-new')}?request={row.public_id}" if offer.is_open else ""

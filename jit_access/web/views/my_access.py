"""My access: what is open, how long still, how do I use it?"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from jit_access.access_requests import selectors as requests
from jit_access.core import clock
from jit_access.grants import selectors as grants
from jit_access.web import commands, reads
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters.cases import load_case, waiting_words
from jit_access.web.presenters.my_access import Known, Rows, build_page


@require_safe
@page()
def show_home(_request: HttpRequest) -> HttpResponse:
    """The root leads to what one has."""
    return redirect("web:my-access")


@require_safe
@page()
def show_my_access(request: HttpRequest) -> HttpResponse:
    """Open grants with their commands, waiting requests, what ended in 7 days."""
    actor, now = person(request), clock.now()
    refused = requests.recently_refused_of(actor=actor, now=now)
    rows = Rows(
        live=tuple(grants.live_grants_of(actor=actor, now=now)),
        waiting=tuple(requests.waiting_requests_of(actor=actor, now=now)),
        ended_grants=tuple(grants.recently_ended_of(actor=actor, now=now)),
        ended_requests=tuple(refused.prefetch_related("verdicts__approver")),
    )
    known = Known(
        now=now,
        viewer=actor,
        client=commands.chosen_client(request.GET.get("client", "")),
        moved=reads.moved_by_grant([*rows.live, *rows.ended_grants]),
        latest_tags=reads.latest_tags(rows.live),
        approvers=reads.approver_names(rows.live),
        tokens=reads.live_token_counts(rows.live, now),
        used=reads.used_by_grant(rows.live),
    )
    waiting = {row.pk: waiting_words(load_case(row, now)) for row in rows.waiting}
    built = build_page(rows, known, waiting)
    refresh_href = f"{reverse('web:my-access')}?client={known.client}"
    return render_page(request, "web/my_access.html", built, current="my-access", refresh_href=refresh_href)

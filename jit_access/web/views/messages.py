"""What one was told: a page of it, and what came since for pages that show it while they lie in the background."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from jit_access.core import clock
from jit_access.notifications.models import Notification
from jit_access.notifications.selectors import messages_of
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters.messages import build_messages

PAGE_SIZE = 30
AT_ONCE = 5  # more than these at a time are noise; the page has them all


@require_safe
@page()
def show_messages(request: HttpRequest) -> HttpResponse:
    """Everything one was told, newest first."""
    shown = Paginator(messages_of(person(request)), PAGE_SIZE).get_page(request.GET.get("page"))
    built = build_messages(shown, clock.now(), reverse("web:messages"))
    return render_page(request, "web/messages.html", built, current="settings")


@require_safe
@page()
def tell_new(request: HttpRequest) -> HttpResponse:
    """Messages newer than `after`, oldest first. Without a known `after`: only where to go on from.

    Changes nothing, and keeps no session young: the script says that it polls.
    """
    rows = messages_of(person(request))
    known = rows.filter(public_id=request.GET.get("after", "")[:40]).first()
    new = list(rows.filter(pk__gt=known.pk)[:AT_ONCE]) if known is not None else []
    latest = new[0] if new else known or rows.first()
    found = {"after": latest.public_id if latest else "", "messages": [_describe(row) for row in reversed(new)]}
    return JsonResponse(found)


def _describe(row: Notification) -> dict[str, str]:
    return {"id": row.public_id, "subject": row.subject, "path": row.path or reverse("web:messages")}

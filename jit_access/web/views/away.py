"""When one is away: who answers meanwhile, and from when until when. Times are UTC, as everywhere."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.access_requests.away import coming_absences, coming_delegations
from jit_access.access_requests.services import standing_in
from jit_access.core import clock
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import away as words
from jit_access.web.viewmodels.parts import Confirm

_METHODS = ["GET", "HEAD", "POST"]


@require_safe
@page()
def show_away(request: HttpRequest) -> HttpResponse:
    """What is set, and what it means."""
    user, now = person(request), clock.now()
    built = words.build_page(user, list(coming_delegations(user, now)), list(coming_absences(user, now)), now)
    return render_page(request, "web/away.html", built, current="settings")


@require_http_methods(_METHODS)
@page()
def lend(request: HttpRequest) -> HttpResponse:
    """Another person answers for oneself, between two instants. Proved before anything is typed."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return _ask(request, words.lend_confirm(words.Typed()))
    typed = _typed(request)
    try:
        starts_at, ends_at = _dates(typed)
        row = standing_in.delegate_answers(actor=person(request), to=typed.to, starts_at=starts_at, ends_at=ends_at)
    except CallerError as error:
        return _ask(request, words.lend_confirm(typed, error), status=422)
    say(request, f"{row.delegate.display_name} answers for you then, and was told.")
    return redirect("web:away")


@require_http_methods(_METHODS)
@page()
def leave(request: HttpRequest) -> HttpResponse:
    """Being away, between two instants."""
    if request.method != "POST":
        return _ask(request, words.leave_confirm(words.Typed()))
    typed = _typed(request)
    try:
        starts_at, ends_at = _dates(typed)
        standing_in.note_absence(actor=person(request), starts_at=starts_at, ends_at=ends_at)
    except CallerError as error:
        return _ask(request, words.leave_confirm(typed, error), status=422)
    say(request, "Noted.", "You are not told of requests then, and pages say that you are away.")
    return redirect("web:away")


@require_POST
@page()
def end(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take either back before its time: that only closes a door, so it asks for nothing more."""
    if public_id.startswith("dlg_"):
        standing_in.end_delegation(actor=person(request), public_id=public_id)
    else:
        standing_in.end_absence(actor=person(request), public_id=public_id)
    say(request, "Ended.")
    return redirect("web:away")


def _typed(request: HttpRequest) -> words.Typed:
    return words.Typed(*(request.POST.get(name, "").strip() for name in ("starts", "ends", "to")))


def _dates(typed: words.Typed) -> tuple[datetime, datetime]:
    return _date(typed.starts, "starts"), _date(typed.ends, "ends")


def _date(text: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as exc:
        raise CallerError(
            Reason.INVALID_INPUT, "Write a day and a time, such as 2026-12-24 09:00.", field=field
        ) from exc


def _ask(request: HttpRequest, confirm: Confirm, *, status: int = 200) -> HttpResponse:
    return render_page(request, "web/confirm.html", None, current="settings", confirm=confirm, status=status)

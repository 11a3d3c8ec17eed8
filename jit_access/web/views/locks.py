"""The kill switch as pages: what is locked, one lock, one more, and lifting it. Security acts, auditors read."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.grants import services
from jit_access.grants.lockable import Lockable, find_lockable
from jit_access.grants.models import Grant
from jit_access.grants.selectors import with_related
from jit_access.locks import access
from jit_access.locks.selectors import list_over, list_standing
from jit_access.locks.services import LockOrder
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.frames import assurance_of
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import locks as words

_METHODS = ["GET", "HEAD", "POST"]
_HISTORY = 50


@require_safe
@page()
def show_locks(request: HttpRequest) -> HttpResponse:
    """What is locked now, and the last fifty that were."""
    if not access.may_see_locks(person(request)):
        raise NotFound
    return _list(request)


@require_safe
@page()
def show_lock(request: HttpRequest, public_id: str) -> HttpResponse:
    """One lock and what it stopped."""
    actor = person(request)
    lock = access.get_lock(actor=actor, public_id=public_id)
    ids = lock.hits.values_list("grant_id", flat=True)
    hit = with_related(Grant.objects.filter(public_id__in=ids)).order_by("-pk")
    built = words.build_lock(lock, hit, clock.now(), can_lift=access.may_lock(actor))
    return render_page(request, "web/lock.html", built, current="locks")


@require_http_methods(_METHODS)
@page()
def place(request: HttpRequest) -> HttpResponse:
    """What a lock would stop, and then the lock. The second factor is asked for before anything is typed."""
    actor = person(request)
    access.require_security(actor)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    axis, name = request.GET.get("axis", ""), request.GET.get("name", "").strip()
    try:
        found = find_lockable(_axis(axis), name)
    except (NotFound, CallerError):
        return _list(request, asked=(axis, name or "that"), status=404)
    if request.method != "POST":
        return _ask(request, found)
    typed = (request.POST.get("reason", ""), request.POST.get("lasts", ""))
    try:
        order = LockOrder(found.facts, found.label, typed[0], _lasts_s(typed[1]))
        lock = services.place_lock(actor=actor, order=order, assurance=assurance_of(request))
    except CallerError as error:
        return _ask(request, found, error, typed)
    say(request, f"{lock.label} is locked.", "What ran is cut. Everybody in security is told.", "stop")
    return redirect("web:lock", public_id=lock.public_id)


@require_http_methods(_METHODS)
@page()
def lift(request: HttpRequest, public_id: str) -> HttpResponse:
    """Undo a lock."""
    actor = person(request)
    access.require_security(actor)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    lock = access.get_lock(actor=actor, public_id=public_id)
    there = reverse("web:lock", args=[lock.public_id])
    if request.method != "POST":
        if not lock.stands_at(clock.now()):
            return redirect(there)
        return render_page(request, "web/confirm.html", None, current="locks", confirm=words.lift_confirm(lock))
    note = request.POST.get("note", "")
    try:
        services.lift_lock(actor=actor, lock=lock, assurance=assurance_of(request), note=note)
    except Conflict as error:
        say(request, error.sentence, "It stops nothing any more.", "wait")
        return redirect(there)
    except CallerError as error:
        confirm = words.lift_confirm(lock, error)
        return render_page(request, "web/confirm.html", None, current="locks", confirm=confirm, status=422)
    say(request, f"The lock on {lock.label} is lifted.", "What no other lock stops goes on.")
    return redirect(there)


def _axis(text: str) -> LockAxis:
    if text not in set(LockAxis):
        raise CallerError(Reason.INVALID_INPUT, "Choose what to lock.", field="axis")
    return LockAxis(text)


def _lasts_s(text: str) -> int | None:
    if text == words.UNTIL_LIFTED:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise CallerError(Reason.INVALID_INPUT, "Choose for how long.", field="lasts")
    return int(text)


def _list(request: HttpRequest, asked: tuple[str, str] = ("", ""), *, status: int = 200) -> HttpResponse:
    built = words.build_list(
        list(list_standing()),
        list(list_over()[:_HISTORY]),
        clock.now(),
        can_lock=access.may_lock(person(request)),
        asked=asked,
    )
    return render_page(request, "web/locks.html", built, current="locks", status=status)


def _ask(
    request: HttpRequest, found: Lockable, error: CallerError | None = None, typed: tuple[str, str] = ("", "")
) -> HttpResponse:
    built = words.build_new(found, services.grants_under(found.facts), clock.now(), error, typed)
    status = 200 if error is None else 422
    return render_page(request, "web/lock_new.html", built, current="locks", status=status)

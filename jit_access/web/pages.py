"""Every response of this room is made here: a page in its frame, a refusal in our look, a way to the second factor.

`page` is the one door in front of a view: it lets in people who are signed in, and turns every `GatewayError` into a
page with its own status. Pages that are not yours answer 404, as unknown ones do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.core.request_id import current_request_id
from jit_access.domain.errors import GatewayError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.web import figures
from jit_access.web.frames import groups_of, make_shell, theme_of
from jit_access.web.presenters.refusals import build_refusal
from jit_access.web.viewmodels.parts import Notice

View = Callable[..., HttpResponse]
NEEDS_PROOF = frozenset({Reason.SECOND_FACTOR_STALE, Reason.SECOND_FACTOR_MISSING})
_ICONS = {"live": "check", "stop": "alert", "wait": "clock", "": "inbox"}


def page(*, group: str = "") -> Callable[[View], View]:
    """A view for people who are signed in, or only for the members of one group."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: str) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            try:
                if group and group not in groups_of(request):
                    raise NotFound
                return view(request, **kwargs)
            except GatewayError as error:
                return refuse(request, error)

        return never_cache(guarded)

    return wrap


def open_page(view: View) -> View:
    """A view that comes before the sign-in is complete. Errors become pages as everywhere."""

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: str) -> HttpResponse:
        try:
            return view(request, **kwargs)
        except GatewayError as error:
            return refuse(request, error)

    return never_cache(guarded)


def person(request: HttpRequest) -> User:
    """Who is signed in. Only behind `page`."""
    if not isinstance(request.user, User):
        raise NotFound
    return request.user


def render_page(
    request: HttpRequest, template: str, page: object, *, current: str = "", status: int = 200, **extra: Any
) -> HttpResponse:
    """A page in the frame of somebody who is signed in."""
    now = clock.now()
    context = {
        "page": page,
        "shell": make_shell(request, current, now),
        "theme": theme_of(request),
        "now_iso": figures.iso(now),
        "flash": _flash(request),
        **extra,
    }
    return render(request, template, context, status=status)


def render_gate(request: HttpRequest, template: str, page: object, *, status: int = 200) -> HttpResponse:
    """A page without navigation: before the second factor, or instead of a page that cannot be shown."""
    context = {"page": page, "theme": theme_of(request), "now_iso": figures.iso(clock.now())}
    return render(request, template, context, status=status)


def refuse(request: HttpRequest, error: GatewayError) -> HttpResponse:
    """A refusal as a page with its status; what a fresh second factor would mend leads to the proof first."""
    if error.reason in NEEDS_PROOF and request.user.is_authenticated:
        return to_proof(_return_address(request))
    refusal = build_refusal(error, request_id=current_request_id(), is_signed_in=request.user.is_authenticated)
    return render_gate(request, "web/refusal.html", refusal, status=refusal.status)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and back here afterwards."""
    return HttpResponseRedirect(f"{reverse('web:sign-in')}?{urlencode({'next': _return_address(request)})}")


def to_proof(back: str) -> HttpResponse:
    """To the step-up page, and to `back` afterwards."""
    return HttpResponseRedirect(f"{reverse('web:prove')}?{urlencode({'next': back})}")


def _return_address(request: HttpRequest) -> str:
    """A GET comes back to itself; a POST to the page that asks for it, at the same address or the one it names."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    return getattr(request, "confirm_page", "") or request.path


def local_next(request: HttpRequest, default: str = "") -> str:
    """Where to go afterwards: only a path of ours, never another host."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours else default or reverse("web:home")


def say(request: HttpRequest, title: str, more: str = "", tone: str = "live") -> None:
    """A notice on the next page: what has just happened."""
    messages.success(request, f"{title}\n{more}", extra_tags=tone or "plain")


def _flash(request: HttpRequest) -> list[Notice]:
    notices = []
    for message in messages.get_messages(request):
        title, _, more = str(message).partition("\n")
        tone = (message.extra_tags or "").replace("plain", "")
        notices.append(Notice(title, more, tone, _ICONS.get(tone, "inbox")))
    return notices

"""Security settings: one's own factors, tokens, sessions and looks."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.accounts import access, selectors, services
from jit_access.core import clock
from jit_access.domain.errors import CallerError
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, assurance_of, require_fresh
from jit_access.mfa.selectors import factor_state
from jit_access.web import figures
from jit_access.web.frames import SHORTCUTS_COOKIE, THEME_COOKIE, groups_of, has_shortcuts, theme_of
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import security as words
from jit_access.web.viewmodels.parts import Field, Option
from jit_access.web.viewmodels.security import ApiTokenPage, TokenForm
from jit_access.web.views.factor import render_codes

_METHODS = ["GET", "HEAD", "POST"]
_COOKIE_AGE_S = 365 * figures.DAY_S
TOKEN_DAYS = (7, 30, 90)


@require_safe
@page()
def show_settings(request: HttpRequest) -> HttpResponse:
    """Everything one can change about oneself."""
    user, now = person(request), clock.now()
    live = selectors.tokens_of(user).filter(revoked_at=None, expires_at__gt=now)
    mine = words.Mine(
        person=user,
        groups=groups_of(request),
        factor=factor_state(user),
        assurance=assurance_of(request),
        tokens=list(live),
        session_ends_at=mfa.session_ends_at(request),
        theme=theme_of(request),
        has_shortcuts=has_shortcuts(request),
        now=now,
    )
    return render_page(request, "web/security.html", words.build_page(mine), current="settings")


@require_POST
@page()
def save_look(request: HttpRequest) -> HttpResponse:
    """Theme and shortcuts. The theme is the person's and, for the pages before sign-in, this browser's."""
    user = person(request)
    services.set_theme(actor=user.ref, user=user, theme=request.POST.get("theme", ""))
    response = redirect("web:settings")
    shortcuts = "on" if request.POST.get("shortcuts") else "off"
    for name, value in ((THEME_COOKIE, user.theme), (SHORTCUTS_COOKIE, shortcuts)):
        response.set_cookie(
            name, value, max_age=_COOKIE_AGE_S, secure=request.is_secure(), httponly=True, samesite="Lax"
        )
    say(request, "Saved.")
    return response


@require_http_methods(_METHODS)
@page()
def renew_codes(request: HttpRequest) -> HttpResponse:
    """Ten new recovery codes, shown once."""
    if request.method == "POST":
        return render_codes(request, mfa.generate_recovery_codes(request), reverse("web:settings"))
    return render_page(request, "web/confirm.html", None, current="settings", confirm=words.codes_confirm())


@require_http_methods(_METHODS)
@page()
def end_sessions(request: HttpRequest) -> HttpResponse:
    """End every other session; this one goes on."""
    user = person(request)
    if request.method == "POST":
        services.end_sessions(actor=user.ref, user=user)
        mfa.carry_session(request, user)
        say(request, "Signed out everywhere else.")
        return redirect("web:settings")
    return render_page(request, "web/confirm.html", None, current="settings", confirm=words.sessions_confirm())


@require_http_methods(_METHODS)
@page()
def new_token(request: HttpRequest) -> HttpResponse:
    """An API token, shown once. Needs a fresh second factor, asked before anything is typed."""
    user = person(request)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return _render_token_form(request)
    days = request.POST.get("days", "")
    if days not in {str(one) for one in TOKEN_DAYS}:
        return _render_token_form(request, "Choose how long it lasts.", status=422)
    try:
        issued = services.issue_api_token(
            actor=user.ref, user=user, name=request.POST.get("name", ""), lasts=timedelta(days=int(days))
        )
    except CallerError as error:
        return _render_token_form(request, error.sentence, status=422)
    ends = figures.end_time(issued.token.expires_at, clock.now())
    shown = ApiTokenPage(issued.token.name, issued.text.reveal(), ends)
    return render_page(request, "web/api_token.html", shown, current="settings")


@require_http_methods(_METHODS)
@page()
def revoke_token(request: HttpRequest, public_id: str) -> HttpResponse:
    """Revoke one's own API token."""
    user = person(request)
    token = access.get_token(user, public_id)
    if request.method == "POST":
        services.revoke_api_token(actor=user.ref, token=token)
        say(request, f"The token {token.name} is revoked.", "Whatever used it is refused from now on.")
        return redirect("web:settings")
    return render_page(request, "web/confirm.html", None, current="settings", confirm=words.token_confirm(token))


def _render_token_form(request: HttpRequest, problem: str = "", *, status: int = 200) -> HttpResponse:
    chosen = request.POST.get("days", "30")
    form = TokenForm(
        name=Field(
            "name",
            "What is it for?",
            request.POST.get("name", ""),
            hint="You find it again by this name.",
            error=problem,
            max_chars=80,
            placeholder="laptop",
        ),
        days=tuple(Option(str(one), f"{one} days", str(one) == chosen) for one in TOKEN_DAYS),
    )
    return render_page(request, "web/token_form.html", form, current="settings", status=status)

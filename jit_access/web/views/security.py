"""Security settings: one's own factors, sessions and looks, and what leads on from there."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.accounts import selectors, services
from jit_access.core import clock
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import assurance_of
from jit_access.mfa.selectors import factor_state
from jit_access.notifications.slack_links import link_of
from jit_access.oauth.access_tokens import live_access_tokens_of
from jit_access.single_sign_on.selectors import identities_of
from jit_access.single_sign_on.services import active_providers
from jit_access.web import figures, reads
from jit_access.web.frames import SHORTCUTS_COOKIE, THEME_COOKIE, groups_of, has_shortcuts, theme_of
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import security as words
from jit_access.web.presenters.slack_link import slack_row
from jit_access.web.views.factor import render_codes

_METHODS = ["GET", "HEAD", "POST"]
_COOKIE_AGE_S = 365 * figures.DAY_S


@require_safe
@page()
def show_settings(request: HttpRequest) -> HttpResponse:
    """Everything one can change about oneself."""
    user, now = person(request), clock.now()
    agents = list(selectors.accounts_of(user))
    mine = words.Mine(
        person=user,
        groups=groups_of(request),
        factor=factor_state(user),
        assurance=assurance_of(request),
        tokens=list(selectors.live_tokens_of(user, now=now)),
        agents=agents,
        agent_tokens=reads.api_token_counts(agents, now),
        sessions=mfa.open_sessions(request),
        open_reset=mfa.open_reset_of(user),
        identities=list(identities_of(user)),
        providers=active_providers(),
        devices=[(one, mfa.is_this_device(request, one)) for one in mfa.devices_of(user)],
        session_ends_at=mfa.session_ends_at(request),
        theme=theme_of(request),
        has_shortcuts=has_shortcuts(request),
        now=now,
        access_tokens=list(live_access_tokens_of(user)),
        chat=(slack_row(link_of(user)),) if settings.SLACK_TEAM_ID else (),
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

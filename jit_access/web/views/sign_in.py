"""Name and password, and the way out. A password alone leads to the second factor and nowhere else."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from jit_access.domain.errors import GatewayError, PolicyRefusal
from jit_access.domain.reasons import Reason, explain
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import assurance_of
from jit_access.mfa.session_keys import CAME_BY
from jit_access.single_sign_on.services import active_providers, sign_out_address
from jit_access.web.pages import local_next, open_page, render_gate
from jit_access.web.viewmodels.gate import Elsewhere, GatePage
from jit_access.web.viewmodels.parts import Action, Field, Hidden, Notice

NAME_CHARS, PASSWORD_CHARS = 80, 1024
_WAIT = frozenset({Reason.SIGN_IN_LOCKED, Reason.RATE_LIMITED})


@require_http_methods(["GET", "HEAD", "POST"])
@open_page
def sign_in(request: HttpRequest) -> HttpResponse:
    """Begin a session. Whoever is signed in already goes on."""
    if request.method == "POST":
        return _check(request)
    if assurance_of(request).is_proved:
        return redirect(local_next(request))
    return render_sign_in(request)


@require_POST
@open_page
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session. Whoever came by an identity provider is told how to leave that, too."""
    came_by = str(request.session.get(CAME_BY, ""))
    mfa.sign_out(request)
    response = redirect(reverse("web:sign-in") + (f"?{urlencode({'left': came_by})}" if came_by else ""))
    response["Clear-Site-Data"] = '"cache"'
    return response


def _check(request: HttpRequest) -> HttpResponse:
    try:
        user = mfa.sign_in(
            request, username=request.POST.get("username", ""), password=request.POST.get("password", "")
        )
    except PolicyRefusal as error:
        return render_sign_in(request, error, status=429 if error.reason in _WAIT else 422)
    mfa.start_session(request, user)
    return redirect(f"{reverse('web:prove')}?{urlencode({'next': local_next(request)})}")


def render_sign_in(request: HttpRequest, error: GatewayError | None = None, *, status: int = 200) -> HttpResponse:
    """The page, with what was wrong the last time."""
    typed = request.POST.get("username", "")[:NAME_CHARS]
    notice = None
    if error is not None:
        more = "Check both, then try again." if error.reason == Reason.SIGN_IN_FAILED else ""
        notice = Notice(error.sentence, more, "stop", "alert", code=str(error.reason), is_assertive=True)
    elif request.GET.get("because") in {Reason.SIGNED_OUT, Reason.DEVICE_CHANGED, Reason.ACCOUNT_LOCKED, Reason.LOCKED}:
        reason = Reason(request.GET["because"])
        notice = Notice(explain(reason), "Where you were is kept.", "wait", "clock", code=str(reason))
    elif notice is None and "left" in request.GET:
        notice = _left_notice(request.GET["left"])
    built = GatePage(
        title="Sign in",
        lead="Then prove your second factor.",
        fields=(
            Field("username", "User name", typed, autocomplete="username", max_chars=NAME_CHARS, is_focused=not typed),
            Field(
                "password",
                "Password",
                kind="password",
                autocomplete="current-password",
                max_chars=PASSWORD_CHARS,
                is_focused=bool(typed),
            ),
        ),
        verb="Sign in",
        post_href=reverse("web:sign-in"),
        notice=notice,
        hidden=(Hidden("next", local_next(request)),),
        elsewhere=tuple(
            Elsewhere(f"Sign in with {provider.name}", reverse("web:sign-on", args=[provider.slug]))
            for provider in active_providers()
        ),
    )
    return render_gate(request, "web/gate_form.html", built, status=status)


def _left_notice(slug: str) -> Notice | None:
    """Signed out here is not signed out there."""
    provider = next((one for one in active_providers() if one.slug == slug), None)
    address = sign_out_address(provider) if provider is not None else ""
    if provider is None or not address:
        return None
    action = Action(f"Sign out of {provider.name} too", address)
    return Notice("You are signed out here.", f"{provider.name} still knows you.", "wait", "exit", action)

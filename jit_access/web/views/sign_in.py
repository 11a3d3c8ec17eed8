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
from jit_access.web.pages import local_next, open_page, render_gate
from jit_access.web.viewmodels.gate import GatePage
from jit_access.web.viewmodels.parts import Field, Hidden, Notice

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
    return _render(request)


@require_POST
@open_page
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    mfa.sign_out(request)
    response = redirect("web:sign-in")
    response["Clear-Site-Data"] = '"cache"'
    return response


def _check(request: HttpRequest) -> HttpResponse:
    try:
        user = mfa.sign_in(
            request, username=request.POST.get("username", ""), password=request.POST.get("password", "")
        )
    except PolicyRefusal as error:
        return _render(request, error, status=429 if error.reason in _WAIT else 422)
    mfa.start_session(request, user)
    return redirect(f"{reverse('web:prove')}?{urlencode({'next': local_next(request)})}")


def _render(request: HttpRequest, error: GatewayError | None = None, *, status: int = 200) -> HttpResponse:
    typed = request.POST.get("username", "")[:NAME_CHARS]
    notice = None
    if error is not None:
        more = "" if error.reason in _WAIT else "Check both, then try again."
        notice = Notice(error.sentence, more, "stop", "alert", code=str(error.reason), is_assertive=True)
    elif request.GET.get("because") in {Reason.SIGNED_OUT, Reason.DEVICE_CHANGED, Reason.ACCOUNT_LOCKED, Reason.LOCKED}:
        reason = Reason(request.GET["because"])
        notice = Notice(explain(reason), "Where you were is kept.", "wait", "clock", code=str(reason))
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
    )
    return render_gate(request, "web/gate_form.html", built, status=status)

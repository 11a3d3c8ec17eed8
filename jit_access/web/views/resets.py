"""Resets of a second factor: asking, confirming, stopping; and the code of the person who comes back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.mfa import services as mfa
from jit_access.web.pages import local_next, page, person, render_gate, render_page, say
from jit_access.web.presenters import resets as words
from jit_access.web.viewmodels.gate import GatePage
from jit_access.web.viewmodels.parts import Field, Hidden

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@page(group=SECURITY)
def show_resets(request: HttpRequest) -> HttpResponse:
    """All of them, and the form to ask for one."""
    if request.method != "POST":
        return _render_all(request)
    typed = {name: request.POST.get(name, "") for name in ("username", "reason")}
    try:
        reset = mfa.ask_reset(request, **typed)
    except NotFound:
        raise
    except Conflict as error:
        return _render_all(request, typed, f"username: {error.sentence}")
    except CallerError as error:
        return _render_all(request, typed, f"{error.fields.get('field', 'username')}: {error.sentence}")
    except PolicyRefusal as error:
        if error.reason != Reason.OWN_REQUEST:
            raise
        return _render_all(request, typed, f"username: {error.sentence}")
    say(request, f"Asked. Somebody else of security confirms the reset for {reset.user.display_name}.")
    return redirect("web:reset", public_id=reset.public_id)


@require_http_methods(_METHODS)
@page()
def show_reset(request: HttpRequest, public_id: str) -> HttpResponse:
    """One of them. A POST confirms it and shows the code, once."""
    reset = mfa.get_reset(actor=person(request), public_id=public_id)
    code = ""
    if request.method == "POST":
        code = mfa.confirm_reset(request, reset=reset).reveal()
        reset = mfa.get_reset(actor=person(request), public_id=public_id)
    built = words.reset_page(reset, person(request), clock.now(), code)
    return render_page(request, "web/reset.html", built, current="resets")


@require_http_methods(_METHODS)
@page()
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Stop one."""
    reset = mfa.get_reset(actor=person(request), public_id=public_id)
    if request.method != "POST":
        confirm = words.withdraw_confirm(reset, person(request))
        return render_page(request, "web/confirm.html", None, current="resets", confirm=confirm)
    mfa.withdraw_reset(request, reset=reset)
    say(request, "The reset is stopped.")
    return redirect("web:settings" if reset.user_id == person(request).pk else "web:resets")


@require_http_methods(_METHODS)
@page()
def redeem(request: HttpRequest) -> HttpResponse:
    """The colleague's code, before a new factor is set up."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            mfa.redeem_reset_code(request, code=request.POST.get("code", ""))
        except PolicyRefusal as error:
            if error.reason not in {Reason.RESET_CODE_WRONG, Reason.SECOND_FACTOR_LOCKED}:
                raise
            problem, status = error.sentence, 429 if error.reason == Reason.SECOND_FACTOR_LOCKED else 422
        else:
            return redirect("web:set-up")
    built = GatePage(
        title="Your second factor was reset",
        lead="Type the code that your colleague has for you. Then you set up a new factor.",
        fields=(
            Field(
                "code",
                "Code from your colleague",
                hint="15 letters and digits; dashes do not matter. It lasts an hour.",
                error=problem,
                autocomplete="off",
                is_focused=True,
            ),
        ),
        verb="Go on",
        post_href=reverse("web:reset-code"),
        hidden=(Hidden("next", local_next(request)),),
        can_sign_out=True,
    )
    return render_gate(request, "web/gate_form.html", built, status=status)


def _render_all(request: HttpRequest, typed: dict[str, str] | None = None, problem: str = "") -> HttpResponse:
    rows = mfa.resets_for(person(request))[:50]
    built = words.resets_page(rows, clock.now(), typed=typed or {}, problem=problem)
    return render_page(request, "web/resets.html", built, current="resets", status=422 if problem else 200)

"""The second factor: prove it, set it up, use a recovery code. All that a password-only session can reach."""

from __future__ import annotations

from urllib.parse import urlencode

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.domain.errors import PolicyRefusal
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import assurance_of, signed_in_user
from jit_access.mfa.selectors import factor_state, has_factor
from jit_access.single_sign_on.selectors import identities_of
from jit_access.single_sign_on.services import is_strength_mapped
from jit_access.web import figures
from jit_access.web.pages import local_next, page, render_gate, say
from jit_access.web.proofs import CODE_PROBLEMS, code_problem, code_status, passkey_part, prove_here
from jit_access.web.viewmodels.gate import CodesPage, Elsewhere, GatePage, SetupPage
from jit_access.web.viewmodels.parts import Action, Field, Hidden

_KEY_GROUP = 4
_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@page()
def prove(request: HttpRequest) -> HttpResponse:
    """The code that completes a sign-in, or the fresh one that a sensitive step asks for."""
    if not has_factor(signed_in_user(request)):
        return redirect(_with_next("web:set-up", request))
    return _prove(request, is_recovery=False)


@require_http_methods(_METHODS)
@page()
def recover(request: HttpRequest) -> HttpResponse:
    """The same with a recovery code."""
    if not has_factor(signed_in_user(request)):
        return redirect(_with_next("web:set-up", request))
    return _prove(request, is_recovery=True)


@require_http_methods(_METHODS)
@page()
def set_up(request: HttpRequest) -> HttpResponse:
    """Enrol an authenticator app. The secret waits in this session; reloading shows the same one."""
    if not has_factor(signed_in_user(request)) and mfa.needs_reset_code(request, signed_in_user(request)):
        return redirect(_with_next("web:reset-code", request))
    if request.method != "POST":
        return _render_set_up(request)
    try:
        mfa.confirm_totp(request, code=request.POST.get("code", ""))
    except PolicyRefusal as error:
        if error.reason not in CODE_PROBLEMS:
            raise
        return _render_set_up(request, code_problem(error), status=code_status(error))
    user = signed_in_user(request)
    if factor_state(user).recovery_codes_left:
        say(request, "Your new second factor is on.", "Every other session was ended.")
        response: HttpResponse = redirect(local_next(request, reverse("web:settings")))
    else:
        response = render_codes(request, mfa.generate_recovery_codes(request), local_next(request))
    mfa.remember_device(request, response)
    return response


def render_codes(request: HttpRequest, codes: tuple[str, ...], done_href: str) -> HttpResponse:
    """Recovery codes, in this response and nowhere else."""
    built = CodesPage(codes, "\n".join(codes), Action("I have saved them", done_href))
    return render_gate(request, "web/recovery_codes.html", built)


def _with_next(route: str, request: HttpRequest) -> str:
    return f"{reverse(route)}?{urlencode({'next': local_next(request)})}"


def _prove(request: HttpRequest, *, is_recovery: bool) -> HttpResponse:
    if request.method != "POST":
        return _render_prove(request, is_recovery=is_recovery)
    try:
        method = prove_here(request)
    except PolicyRefusal as error:
        if error.reason not in CODE_PROBLEMS:
            raise
        problem = code_problem(error, is_recovery=is_recovery)
        return _render_prove(request, is_recovery=is_recovery, problem=problem, status=code_status(error))
    if method is mfa.Method.RECOVERY_CODE:
        left = factor_state(signed_in_user(request)).recovery_codes_left
        more = "Make new ones in Security settings; replace the app there if the phone is lost."
        say(request, f"That was a recovery code. {figures.plural(left, 'code')} left.", more, "wait")
    response = redirect(local_next(request))
    mfa.remember_device(request, response)
    return response


def _render_prove(request: HttpRequest, *, is_recovery: bool, problem: str = "", status: int = 200) -> HttpResponse:
    code = Field(
        "code",
        "Code from your authenticator",
        kind="code",
        hint="6 digits. Pasting works.",
        error=problem,
        is_focused=True,
        passkey=passkey_part(request),
    )
    other = Action("Use a recovery code", _with_next("web:recover", request))
    if is_recovery:
        code = Field(
            "code",
            "Recovery code",
            hint="15 letters and digits; dashes do not matter. Each works once.",
            error=problem,
            autocomplete="off",
            is_focused=True,
        )
        other = Action("Use the authenticator app", _with_next("web:prove", request))
    built = GatePage(
        title="Prove it is you",
        lead=_lead(request),
        fields=(code,),
        verb="Go on",
        post_href=reverse("web:recover" if is_recovery else "web:prove"),
        hidden=(Hidden("next", local_next(request)),),
        links=(other,),
        can_sign_out=True,
        elsewhere=_elsewhere(request),
    )
    return render_gate(request, "web/gate_form.html", built, status=status)


def _elsewhere(request: HttpRequest) -> tuple[Elsewhere, ...]:
    """The providers that could say who this is once more, where an operator takes their word for it."""
    mine = identities_of(signed_in_user(request))
    return tuple(
        Elsewhere(f"Prove it at {one.provider.name}", reverse("web:sign-on", args=[one.provider.slug]))
        for one in mine
        if one.provider.is_active and is_strength_mapped(one.provider) and mfa.is_known_device(request, one.user)
    )


def _lead(request: HttpRequest) -> str:
    """Why a code is asked for now."""
    assurance = assurance_of(request)
    if assurance.age_s is None:
        return "Your password was right. The code from your authenticator app completes the sign-in."
    age = figures.round_duration(assurance.age_s)
    return f"Your last proof is {age} old; the next step needs a newer one. Then this goes on."


def _render_set_up(request: HttpRequest, problem: str = "", *, status: int = 200) -> HttpResponse:
    enrolment = mfa.begin_totp_enrolment(request)
    key = enrolment.secret.reveal()
    # Attributes only, no style element, so that the strict policy for styles lets it be drawn.
    code = segno.make(enrolment.uri.reveal(), error="m", micro=False)
    built = SetupPage(
        qr_svg=code.svg_inline(svgclass="qr__svg", lineclass="qr__line", omitsize=True, border=0),
        secret_groups=tuple(key[i : i + _KEY_GROUP] for i in range(0, len(key), _KEY_GROUP)),
        otpauth_uri=enrolment.uri.reveal(),
        code=Field("code", "Code", kind="code", hint="6 digits. Pasting works.", error=problem),
        post_href=reverse("web:set-up"),
        hidden=(Hidden("next", local_next(request)),),
    )
    return render_gate(request, "web/factor_setup.html", built, status=status)

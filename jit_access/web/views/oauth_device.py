"""The page where one types a code that a device without a browser shows. GET shows a form, POST looks and decides."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from jit_access.audit.outside import record_outside_refusal
from jit_access.domain.errors import CallerError, NotFound, PolicyRefusal
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.mfa.services import client_address
from jit_access.oauth import device_codes
from jit_access.web.pages import page, person, render_gate
from jit_access.web.presenters import oauth as words

_DECISIONS = {"allow": True, "deny": False}


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def show_device(request: HttpRequest) -> HttpResponse:
    """RFC 8628, 3.3."""
    user, address = person(request), client_address(request)
    try:
        device_codes.check_switched_on()
    except PolicyRefusal as refusal:
        record_outside_refusal(actor=user.ref, kind="oauth.refused", reason=refusal.reason, address=address)
        raise
    held = require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return render_gate(request, "web/gate_form.html", words.code_form())
    typed = request.POST.get("user_code", "")[:64]
    try:
        code = device_codes.find_by_user_code(user, typed, address=address)
        decision = _DECISIONS.get(request.POST.get("decision", ""))
        if decision is None:
            built = words.device_page(code, device_codes.fold_user_code(typed), user, address)
            return render_gate(request, "web/oauth_consent.html", built)
        device_codes.decide(user=user, code=code, held=held, is_allowed=decision, address=address)
    except NotFound:
        raise
    except CallerError as error:
        status = 429 if error.reason != words.CODE_PROBLEM else 422
        return render_gate(request, "web/gate_form.html", words.code_form(error.sentence), status=status)
    return render_gate(request, "web/oauth_done.html", words.done_page(is_allowed=decision))

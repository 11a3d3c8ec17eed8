"""The page on which a person lets a client in, or not. GET shows, POST decides.

The way back to the client is a page, not a redirect, because the answer to a form may not lead elsewhere (form-action
of our policy; browsers know no way to name an IPv6 loopback in it).
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.services import client_address
from jit_access.oauth import authorizing
from jit_access.oauth.authorizing import Ask, SentBack
from jit_access.web.frames import assurance_of
from jit_access.web.pages import page, person, refuse, render_gate, to_proof
from jit_access.web.presenters import oauth as words


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def authorize(request: HttpRequest) -> HttpResponse:
    """RFC 6749, 3.1."""
    user, held = person(request), assurance_of(request)
    try:
        ask = authorizing.read_ask(request, user)
    except SentBack as sent:
        if request.method == "POST":
            return render_gate(request, "web/oauth_back.html", words.back_page(sent.address, is_allowed=False))
        return HttpResponseRedirect(sent.address)
    if request.method == "POST" and request.POST.get("decision") != "allow":
        address = authorizing.deny(request, user, ask)
        return render_gate(request, "web/oauth_back.html", words.back_page(address, is_allowed=False))
    try:
        authorizing.check_proof(ask, held)
    except PolicyRefusal as error:
        authorizing.record_step_up(user, error)
        return _ask_for_proof(request, ask, error)
    if request.method == "POST":
        address = authorizing.allow(request, user, ask, held)
        return render_gate(request, "web/oauth_back.html", words.back_page(address, is_allowed=True))
    built = words.consent_page(ask, user, client_address(request))
    return render_gate(request, "web/oauth_consent.html", built)


def _unmet(request: HttpRequest) -> int:
    """A question when one looks, a refusal when one has answered."""
    return 403 if request.method == "POST" else 200


def _ask_for_proof(request: HttpRequest, ask: Ask, error: PolicyRefusal) -> HttpResponse:
    back = words.address_of(ask)
    if error.reason is Reason.PASSKEY_NEEDED:
        return render_gate(request, "web/oauth_stronger.html", words.stronger_page(ask, back), status=_unmet(request))
    return (
        to_proof(back)
        if error.reason in {Reason.SECOND_FACTOR_STALE, Reason.SECOND_FACTOR_MISSING}
        else refuse(request, error)
    )

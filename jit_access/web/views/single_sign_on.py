"""To an identity provider and back, linking one's account there, and the provider's own word that somebody left.

Leaving is a page and not a redirect: the answer to a form may not lead to another site (form-action of our policy),
and whoever is sent somewhere sees where.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jit_access.domain.errors import GatewayError, NotFound, PeerError
from jit_access.mfa.assurance import assurance_of
from jit_access.mfa.services import client_address
from jit_access.single_sign_on import services
from jit_access.single_sign_on.models import Provider
from jit_access.single_sign_on.selectors import identities_of
from jit_access.single_sign_on.services import Purpose
from jit_access.web.pages import local_next, open_page, page, person, render_gate, render_page, say
from jit_access.web.presenters import identities as words
from jit_access.web.viewmodels.gate import LeavingPage
from jit_access.web.viewmodels.parts import Action
from jit_access.web.views.sign_in import render_sign_in

_METHODS = ["GET", "HEAD", "POST"]
_LOGOUT_TOKEN_CHARS_MAX = 64 * 1024


@require_POST
@open_page
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """To the provider: to sign in, or, for somebody signed in, to show there who they are once more."""
    purpose = Purpose.STEP_UP if request.user.is_authenticated else Purpose.SIGN_IN
    return _to_provider(request, services.get_provider(slug), purpose, local_next(request))


@require_GET
@open_page
def come_back(request: HttpRequest, slug: str) -> HttpResponse:
    """The provider's answer. It fits only the session that asked, once."""
    provider = services.get_provider(slug)
    try:
        done = services.finish_sign_on(request, provider, request.GET.dict())
    except GatewayError as error:
        if request.user.is_authenticated:
            raise
        return render_sign_in(request, error, status=502 if isinstance(error, PeerError) else 422)
    if done.purpose is Purpose.LINK:
        say(request, f"Your account at {provider.name} is linked.", "You can sign in there from now on.")
        return redirect("web:settings")
    if assurance_of(request).is_proved:
        return redirect(done.next or reverse("web:home"))
    return redirect(f"{reverse('web:prove')}?{urlencode({'next': done.next or reverse('web:home')})}")


@csrf_exempt
@require_POST
@never_cache
def back_channel(request: HttpRequest, slug: str) -> HttpResponse:
    """From the provider itself, without a browser: its token is the proof (Back-Channel Logout 1.0, 2.5 and 2.8)."""
    try:
        provider = services.get_provider(slug)
        text = request.POST.get("logout_token", "")[:_LOGOUT_TOKEN_CHARS_MAX]
        services.receive_logout(provider, text, address=client_address(request))
    except NotFound:
        return JsonResponse({"error": "invalid_request"}, status=404)
    except PeerError:
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    except GatewayError:
        return JsonResponse({"error": "invalid_request"}, status=400)
    return HttpResponse(status=200)


@require_http_methods(_METHODS)
@page()
def link(request: HttpRequest, slug: str) -> HttpResponse:
    """Say who one is at a provider, from a session with a fresh second factor."""
    provider = services.get_provider(slug)
    if request.method != "POST":
        confirm = words.link_confirm(provider)
        return render_page(request, "web/confirm.html", None, current="settings", confirm=confirm)
    return _to_provider(request, provider, Purpose.LINK, reverse("web:settings"))


@require_http_methods(_METHODS)
@page()
def unlink(request: HttpRequest, public_id: str) -> HttpResponse:
    """No longer be somebody there."""
    identity = identities_of(person(request)).filter(public_id=public_id).first()
    if identity is None:
        raise NotFound
    if request.method != "POST":
        confirm = words.unlink_confirm(identity)
        return render_page(request, "web/confirm.html", None, current="settings", confirm=confirm)
    services.unlink(request, public_id=public_id)
    say(request, f"Your account at {identity.provider.name} is no longer linked.")
    return redirect("web:settings")


def _to_provider(request: HttpRequest, provider: Provider, purpose: Purpose, next_path: str) -> HttpResponse:
    address = services.begin_sign_on(request, provider, purpose=purpose, next_path=next_path)
    built = LeavingPage(provider.name, address, Action("Back", reverse("web:sign-in")))
    return render_gate(request, "web/leaving.html", built)

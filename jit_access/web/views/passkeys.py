"""Passkeys: what a browser needs to make or to ask for one, and the pages that add, name and remove them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from jit_access.domain.errors import CallerError, Conflict, GatewayError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.mfa.models import Passkey
from jit_access.mfa.passkeys import MAX_NAME_CHARS
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import security as words
from jit_access.web.viewmodels.parts import Field
from jit_access.web.viewmodels.security import PasskeyForm

_METHODS = ["GET", "HEAD", "POST"]


@require_POST
@page()
def proof_options(request: HttpRequest) -> HttpResponse:
    """For `navigator.credentials.get`. A POST, since the question is remembered."""
    purpose = mfa.purpose_of(request.POST.get("payload_hash", ""))
    return _as_json(lambda: mfa.begin_passkey_proof(request, purpose=purpose))


@require_POST
@page()
def creation_options(request: HttpRequest) -> HttpResponse:
    """For `navigator.credentials.create`."""
    return _as_json(lambda: mfa.begin_passkey(request))


@require_http_methods(_METHODS)
@page()
def add(request: HttpRequest) -> HttpResponse:
    """A name, then the browser's own question. Needs a fresh second factor, asked before anything is typed."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return _render_new(request)
    try:
        key = mfa.add_passkey(request, name=request.POST.get("name", ""), answer=request.POST.get("passkey", ""))
    except (CallerError, Conflict) as error:
        return _render_new(request, error.sentence)
    except PolicyRefusal as error:
        if error.reason != Reason.PASSKEY_REFUSED:
            raise
        return _render_new(request, "The browser's answer could not be used. Try once more.")
    say(request, f"The passkey {key.name} is added.", "It can be used instead of a code from now on.")
    return redirect("web:settings")


@require_http_methods(_METHODS)
@page()
def show(request: HttpRequest, public_id: str) -> HttpResponse:
    """One passkey: its name, and the way to remove it."""
    key = mfa.get_passkey(actor=person(request), public_id=public_id)
    if request.method != "POST":
        return _render_one(request, key, key.name)
    try:
        mfa.rename_passkey(request, key=key, name=request.POST.get("name", ""))
    except CallerError as error:
        return _render_one(request, key, request.POST.get("name", ""), error.sentence)
    say(request, f"The passkey is called {key.name} now.")
    return redirect("web:settings")


@require_http_methods(_METHODS)
@page()
def remove(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a passkey away."""
    key = mfa.get_passkey(actor=person(request), public_id=public_id)
    if request.method != "POST":
        return render_page(request, "web/confirm.html", None, current="settings", confirm=words.passkey_confirm(key))
    mfa.remove_passkey(request, key=key)
    say(request, f"The passkey {key.name} is removed.", "Delete it on the device too.")
    return redirect("web:settings")


def _as_json(make: Callable[[], dict[str, Any]]) -> HttpResponse:
    """The options, or the sentence that the page shows."""
    try:
        return JsonResponse(make())
    except GatewayError as error:
        return JsonResponse({"code": str(error.reason), "sentence": error.sentence}, status=error.status)


def _name_field(value: str, problem: str) -> Field:
    hint = "You find it again by this name."
    return Field("name", "Name", value, hint=hint, error=problem, max_chars=MAX_NAME_CHARS, placeholder="Laptop")


def _render_new(request: HttpRequest, problem: str = "") -> HttpResponse:
    form = PasskeyForm(
        title="Add a passkey",
        lead="Fingerprint, face or PIN of this device, or a security key. It only ever answers this site.",
        name=_name_field(request.POST.get("name", ""), problem),
        verb="Make the passkey",
        post_href=reverse("web:passkey-new"),
        options_href=reverse("web:passkey-new-options"),
    )
    return render_page(request, "web/passkey_form.html", form, current="settings", status=422 if problem else 200)


def _render_one(request: HttpRequest, key: Passkey, name: str, problem: str = "") -> HttpResponse:
    form = PasskeyForm(
        title=f"Passkey {key.name}",
        lead="What you see of it in the settings and in messages.",
        name=_name_field(name, problem),
        verb="Save",
        post_href=reverse("web:passkey", args=[key.public_id]),
        remove=words.passkey_confirm(key),
    )
    return render_page(request, "web/passkey_form.html", form, current="settings", status=422 if problem else 200)

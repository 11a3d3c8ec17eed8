"""Ending one session, and naming or removing a device."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.domain.errors import CallerError, NotFound
from jit_access.mfa import services as mfa
from jit_access.mfa.models import Device
from jit_access.mfa.open_sessions import MAX_NAME_CHARS
from jit_access.oauth.access_tokens import live_access_tokens_of, revoke_access_token
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import sign_ins as words
from jit_access.web.viewmodels.parts import Field
from jit_access.web.viewmodels.security import PasskeyForm

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@page()
def end_session(request: HttpRequest, public_id: str) -> HttpResponse:
    """End one session of one's own."""
    one = next((each for each in mfa.open_sessions(request) if each.public_id == public_id), None)
    if one is None:
        raise NotFound
    if request.method != "POST":
        return render_page(request, "web/confirm.html", None, current="settings", confirm=words.session_confirm(one))
    mfa.end_one_session(request, public_id=public_id)
    if not one.is_here:
        say(request, f"The session in {one.browser} has ended.")
    return redirect("web:settings")


@require_http_methods(_METHODS)
@page()
def end_command_line(request: HttpRequest, public_id: str) -> HttpResponse:
    """End one sign-in at a command line."""
    user = person(request)
    token = live_access_tokens_of(user).filter(public_id=public_id).first()
    if token is None:
        raise NotFound
    confirm = words.command_line_confirm(token)
    if request.method != "POST":
        return render_page(request, "web/confirm.html", None, current="settings", confirm=confirm)
    revoke_access_token(actor=user.ref, token=token)
    say(request, "The sign-in at the command line has ended.")
    return redirect("web:settings")


@require_http_methods(_METHODS)
@page()
def show_device(request: HttpRequest, public_id: str) -> HttpResponse:
    """One device: its name, and the way to remove it."""
    device = mfa.get_device(actor=person(request), public_id=public_id)
    if request.method != "POST":
        return _render(request, device, device.name)
    try:
        mfa.rename_device(request, device=device, name=request.POST.get("name", ""))
    except CallerError as error:
        return _render(request, device, request.POST.get("name", ""), error.sentence)
    say(request, f"The device is called {device.name} now.")
    return redirect("web:settings")


@require_http_methods(_METHODS)
@page()
def remove_device(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a device away; asks for a fresh second factor."""
    device = mfa.get_device(actor=person(request), public_id=public_id)
    if request.method != "POST":
        return render_page(request, "web/confirm.html", None, current="settings", confirm=words.device_confirm(device))
    is_here = mfa.is_this_device(request, device)
    mfa.remove_device(request, device=device)
    if not is_here:
        say(request, f"The device {device.name} is removed.", "Its sessions have ended.")
        return redirect("web:settings")
    mfa.sign_out(request)
    return redirect("web:sign-in")


def _render(request: HttpRequest, device: Device, name: str, problem: str = "") -> HttpResponse:
    form = PasskeyForm(
        title=f"Device {device.name}",
        lead="A session belongs to the device in which it began.",
        name=Field(
            "name", "Name", name, hint="You find it again by this name.", error=problem, max_chars=MAX_NAME_CHARS
        ),
        verb="Save",
        post_href=reverse("web:device", args=[device.public_id]),
        remove=words.device_confirm(device),
    )
    return render_page(request, "web/passkey_form.html", form, current="settings", status=422 if problem else 200)

"""A session belongs to the device in which it began.

A random cookie names the device; the database knows its hash. A session cookie that comes without the device's is
somebody's copy, so the session ends. A device becomes one of a person's when a second factor is shown in it for the
first time; the person is told, and can name it and remove it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.mfa.browsers import browser_in_words
from jit_access.mfa.models import Device
from jit_access.mfa.session_keys import BROWSER, DEVICE, NETWORK
from jit_access.notifications.services import tell

COOKIE_AGE_S: Final = 365 * 86400
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


def bind(request: HttpRequest) -> str:
    """The hash that a new session keeps. A browser without the cookie gets one with the answer."""
    value = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    if not _SHAPE.fullmatch(value):
        value = secrets.token_urlsafe(32)
        request.new_device = value  # type: ignore[attr-defined]  # left in the answer by `leave_cookie`
    return hash_of(value)


def leave_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Hand a device that was named in this request its cookie."""
    value = getattr(request, "new_device", "")
    if value:
        response.set_cookie(
            settings.DEVICE_COOKIE_NAME,
            value,
            max_age=COOKIE_AGE_S,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def is_at_home(request: HttpRequest) -> bool:
    """True when this session is used in the device in which it began."""
    value = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    bound = request.session.get(DEVICE)
    return isinstance(bound, str) and bool(bound) and hmac.compare_digest(bound, hash_of(value[:64]))


def is_known(request: HttpRequest, user: User) -> bool:
    """True when this person has shown a second factor in this device before, and has not removed it since."""
    value = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    return Device.objects.filter(user=user, device_hash=hash_of(value[:64])).exists()


def note_device(request: HttpRequest, user: User) -> None:
    """A second factor was shown in this session: its device is one of the person's. A new one is told to them."""
    bound, now = request.session.get(DEVICE), clock.now()
    if not isinstance(bound, str) or Device.objects.filter(user=user, device_hash=bound).update(seen_at=now):
        return
    has_others = Device.objects.filter(user=user).exists()
    name = request.session.get(BROWSER) or browser_in_words(request.headers.get("User-Agent", ""))
    with audited(actor=user.ref) as audit:
        device, is_new = Device.objects.get_or_create(
            user=user,
            device_hash=bound,
            defaults={"public_id": new_id("dev"), "name": name[:60], "first_seen_at": now, "seen_at": now},
        )
        if not is_new:
            return
        record_id = audit.record("device.added", detail={"device": device.public_id, "name": device.name})
        if has_others:
            tell(
                user,
                kind="device.added",
                subject=f"A new device was signed in: {device.name}",
                text=f"From {request.session.get(NETWORK) or 'an unknown network'}.\n"
                "If this was not you, remove it in Security settings, change your password and tell the security team.",
                path="/settings",
                dedupe_key=f"device:{record_id}",
            )


def hash_of(value: str) -> str:
    """What the database knows of a device's cookie."""
    return hashlib.sha256(f"device:{value}".encode()).hexdigest()

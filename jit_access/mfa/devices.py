"""Browsers in which a person has once shown password and second factor. A long-lived signed cookie remembers each.

It opens nothing and shortens nothing. It only tells the owner of a name from the strangers who type it: what strangers
guess never keeps a known device out, and a stolen cookie has a few guesses of its own and no more.
Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from __future__ import annotations

import secrets
from typing import Final

from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from jit_access.accounts.models import User
from jit_access.mfa.assurance import assurance_of, signed_in_user

COOKIE_AGE_S: Final = 365 * 86400
_SALT: Final = "mfa.known-device"
_ID_BYTES: Final = 15  # fills an address, see `guessing`


def cookie_name(user: User) -> str:
    """One cookie per account, so that two people at one machine do not make each other strangers."""
    return f"device_{user.public_id}"


def known_device(request: HttpRequest, user: User) -> str:
    """The id of this browser when this person has fully signed in with it before, else nothing."""
    try:
        owner, device = signing.loads(request.COOKIES.get(cookie_name(user), ""), salt=_SALT, max_age=COOKIE_AGE_S)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    is_ours = owner == user.public_id and isinstance(device, str) and len(device) == 2 * _ID_BYTES
    return device if is_ours else ""


def remember_device(request: HttpRequest, response: HttpResponseBase) -> None:
    """Leave the cookie in this answer, or renew it. Only a session with a second factor makes a device known."""
    user = signed_in_user(request)
    if not assurance_of(request).is_proved:
        return
    device = known_device(request, user) or secrets.token_hex(_ID_BYTES)
    response.set_cookie(
        cookie_name(user),
        signing.dumps([user.public_id, device], salt=_SALT),
        max_age=COOKIE_AGE_S,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )

"""Where a request comes from, as far as a lock can name it: whose account, which session, which device."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from django.conf import settings
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.domain.errors import PolicyRefusal
from jit_access.locks.selectors import ground_of_account, locks_on, refusal_by
from jit_access.mfa.device_binding import hash_of
from jit_access.mfa.session_keys import DEVICE, PUBLIC_ID

if TYPE_CHECKING:
    from rest_framework.request import Request

    AnyRequest: TypeAlias = HttpRequest | Request


def session_id(request: AnyRequest) -> str:
    """The id under which this session may be named. It opens nothing, and stays when the session's key changes."""
    return _kept(request, PUBLIC_ID)


def device_hash(request: AnyRequest) -> str:
    """What is known of the device to which this session is bound."""
    return _kept(request, DEVICE)


def lock_refusal(request: AnyRequest, user: User) -> PolicyRefusal | None:
    """Why this person cannot go on from here, when they, this session or this device are locked. One query."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")  # at sign-in no session is bound yet
    shown = hash_of(cookie[:64]) if cookie else ""
    here = replace(
        ground_of_account(user),
        sessions=frozenset({session_id(request)} - {""}),
        devices=frozenset({device_hash(request), shown} - {""}),
    )
    return refusal_by(locks_on(here))


def _kept(request: AnyRequest, name: str) -> str:
    found = request.session.get(name)
    return found if isinstance(found, str) else ""

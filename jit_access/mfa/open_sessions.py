"""Where a person is signed in, and in which devices: seeing them, ending one, naming and removing a device."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Level, require_fresh, signed_in_user
from jit_access.mfa.models import Device, WebSession
from jit_access.mfa.session_keys import DEVICE, PUBLIC_ID
from jit_access.mfa.session_news import announce_ended

MAX_NAME_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session, as its owner may know it."""

    public_id: str
    browser: str
    network: str
    device: str  # the name of the device, empty when it was removed or never proved
    level: Level
    started_at: datetime
    seen_at: datetime
    came_by: str
    is_here: bool


def open_sessions(request: HttpRequest) -> tuple[OpenSession, ...]:
    """Every session of whoever asks that still opens something: this one first, then the latest seen."""
    user, here = signed_in_user(request), request.session.get(PUBLIC_ID)
    names = dict(Device.objects.filter(user=user).values_list("device_hash", "name"))
    found = [_as_shown(row, names.get(row.device_hash, ""), row.public_id == here) for row in sessions_of(user)]
    return tuple(sorted(found, key=lambda one: (not one.is_here, -one.seen_at.timestamp())))


def sessions_of(user: User) -> QuerySet[WebSession]:
    """The rows behind them. What is over by silence, age or the account's epoch is left out."""
    now = clock.now()
    return WebSession.objects.filter(
        user=user,
        epoch=user.session_epoch,
        expire_date__gt=now,
        started_at__gt=now - timedelta(seconds=settings.SESSION_ABSOLUTE_S),
        seen_at__gt=now - timedelta(seconds=settings.SESSION_IDLE_S),
    ).exclude(public_id="")


def end_one_session(request: HttpRequest, *, public_id: str) -> None:
    """End one of one's own sessions: its cookie opens nothing from now on. Raises: NotFound."""
    user = signed_in_user(request)
    with audited(actor=user.ref) as audit:
        deleted, _ = WebSession.objects.filter(user=user, public_id=public_id).exclude(public_id="").delete()
        if not deleted:
            raise NotFound
        announce_ended(user, frozenset({public_id}))
        audit.record(
            "session.ended",
            reason=Reason.SIGNED_OUT,
            detail={"because": "ended-by-owner", "session": public_id[:64]},
        )


def devices_of(user: User) -> QuerySet[Device]:
    """The devices in which a person has shown a second factor, the latest seen first."""
    return Device.objects.filter(user=user).order_by("-seen_at", "-pk")


def get_device(*, actor: User, public_id: str) -> Device:
    """One of one's own. Raises: NotFound."""
    device = Device.objects.filter(user=actor, public_id=public_id).first()
    if device is None:
        raise NotFound
    return device


def is_this_device(request: HttpRequest, device: Device) -> bool:
    """True for the device that asks."""
    return request.session.get(DEVICE) == device.device_hash


def rename_device(request: HttpRequest, *, device: Device, name: str) -> None:
    """Raises: CallerError for a name that cannot be."""
    user, clean = signed_in_user(request), " ".join(name.split())
    if not clean or len(clean) > MAX_NAME_CHARS or not clean.isprintable():
        raise CallerError(Reason.INVALID_INPUT, f"Give it a name of 1 to {MAX_NAME_CHARS} characters.", field="name")
    with audited(actor=user.ref) as audit:
        Device.objects.filter(pk=device.pk, user=user).update(name=clean)
        audit.record("device.renamed", detail={"device": device.public_id, "name": clean})
    device.name = clean


def remove_device(request: HttpRequest, *, device: Device) -> None:
    """Its sessions end, and the next sign-in there is one from a new device. Raises: PolicyRefusal without a proof."""
    user = signed_in_user(request)
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    with audited(actor=user.ref) as audit:
        removed, _ = Device.objects.filter(pk=device.pk, user=user).delete()
        if not removed:
            return
        theirs = WebSession.objects.filter(user=user, device_hash=device.device_hash)
        session_ids = frozenset(theirs.values_list("public_id", flat=True))
        ended, _ = theirs.delete()
        announce_ended(user, session_ids)
        audit.record(
            "device.removed",
            detail={"device": device.public_id, "name": device.name, "sessions_ended": ended},
        )


def _as_shown(row: WebSession, device: str, is_here: bool) -> OpenSession:
    return OpenSession(
        public_id=row.public_id,
        browser=row.browser,
        network=row.network,
        device=device,
        level=Level(row.level) if row.level in set(Level) else Level.PASSWORD,
        started_at=row.started_at or row.expire_date,
        seen_at=row.seen_at or row.expire_date,
        came_by=row.came_by,
        is_here=is_here,
    )

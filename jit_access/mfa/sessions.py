"""Sessions of people: when they began, how strong they are, and when they are over.

Every instant is the database's. A session ends 12 h after sign-in, after 30 min of silence, with a lock, and whenever
the account's `session_epoch` has grown. Its id changes with every change of strength.
Source: NIST SP 800-63B-4 2.2.3 (AAL2); OWASP ASVS 5.0 7.2.4, 7.4.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login, logout, update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.domain.actors import ActorRef
from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from jit_access.mfa import device_binding
from jit_access.mfa.assurance import Level
from jit_access.mfa.browsers import browser_in_words
from jit_access.mfa.marks import note_proof
from jit_access.mfa.models import WebSession
from jit_access.mfa.session_keys import (
    BROWSER,
    CAME_BY,
    CAME_BY_SESSION,
    DEVICE,
    EPOCH,
    LAST_SEEN,
    LEVEL,
    NETWORK,
    PROVED_AT,
    PUBLIC_ID,
    STARTED_AT,
)
from jit_access.mfa.session_news import announce_ended
from jit_access.notifications.services import tell

_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
# Writing each instant of use would cost one write per request; a session may so end up to this much early.
TOUCH_EVERY_S: Final = 20
_AGE: Final = "12-hours"
_SILENCE: Final = "silence"
POLLING_HEADER: Final = "X-Polling"  # sent by pages that update themselves: a page left open is silence


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """Why a session cannot go on."""

    reason: Reason
    detail: str


def start_session(request: HttpRequest, user: User) -> None:
    """Begin a session on a password alone. Whatever the browser held before is gone, its id too."""
    # By the session itself: an endpoint that asks nobody who they are sees nobody in the request.
    session_id, account = str(request.session.get(PUBLIC_ID, "")), request.session.get(SESSION_KEY)
    before = User.objects.filter(pk=account).first() if session_id and account else None
    with transaction.atomic():
        request.session.flush()
        if before is not None:
            announce_ended(before, frozenset({session_id}))
    login(request, user, backend=_BACKEND)


def note_login(*, request: HttpRequest, user: User, **_: Any) -> None:
    """Receiver of Django's `user_logged_in`: however a session came to be, it begins here as password-only."""
    now = clock.now().timestamp()
    request.session.update({LEVEL: Level.PASSWORD, STARTED_AT: now, LAST_SEEN: now, EPOCH: user.session_epoch})
    request.session.update(
        {
            PUBLIC_ID: new_id("ses"),
            DEVICE: device_binding.bind(request),
            NETWORK: network_of(str(request.META.get("REMOTE_ADDR", ""))),
            BROWSER: browser_in_words(request.headers.get("User-Agent", "")),
        }
    )
    request.session.pop(PROVED_AT, None)


def mark_proved(request: HttpRequest, level: Level = Level.SECOND_FACTOR, *, at: datetime | None = None) -> None:
    """The second factor was shown just now, or `at` where somebody else saw it.

    A new session id and a new form token follow each change of strength.
    """
    request.session.cycle_key()
    rotate_token(request)
    now = clock.now()
    moment = min(at, now) if at is not None else now
    request.session.update({LEVEL: level, PROVED_AT: moment.timestamp(), LAST_SEEN: now.timestamp()})
    if isinstance(request.user, User):
        device_binding.note_device(request, request.user)
        note_proof(request.user, level, at=moment, session=str(request.session.get(PUBLIC_ID, "")))


def vouch(request: HttpRequest, *, provider: str, session: str) -> None:
    """Remember which identity provider this session stands on, and the hash of the provider's own name for it."""
    request.session.update({CAME_BY: provider, CAME_BY_SESSION: _hash_of(session) if session else ""})


def end_vouched_sessions(*, provider: str, session: str, user: User | None) -> tuple[WebSession, ...]:
    """End the sessions that stand on a provider's session, or on the provider and a person. Returns what they were.

    Callers write the record; with neither session nor person, nothing ends.
    """
    rows = WebSession.objects.filter(came_by=provider)
    if session:
        rows = rows.filter(came_by_session=_hash_of(session))
    if user is not None:
        rows = rows.filter(user=user)
    if not session and user is None:
        return ()
    ended = tuple(row for row in rows.select_related("user").order_by("pk") if row.user is not None)
    with transaction.atomic():
        WebSession.objects.filter(pk__in=[row.pk for row in ended]).delete()
        for row in ended:
            if row.user is not None:
                announce_ended(row.user, frozenset({row.public_id}))
    return ended


def _hash_of(session: str) -> str:
    return hashlib.sha256(f"provider-session:{session}".encode()).hexdigest()


def carry_session(request: HttpRequest, user: User) -> None:
    """Let this one session survive what just ended all others (a new password, `end_sessions`, a new factor)."""
    user.refresh_from_db(fields=["password", "session_epoch", "is_active"])
    if user.is_active:
        update_session_auth_hash(request, user)  # also gives the session a new id
        request.session[EPOCH] = user.session_epoch


def sign_out(request: HttpRequest) -> None:
    """End this session and forget what it held. Nothing happens when nobody is signed in."""
    user = request.user
    if isinstance(user, User):
        session_id = str(request.session.get(PUBLIC_ID, ""))
        with audited(actor=user.ref) as audit:
            audit.record("session.ended", reason=Reason.SIGNED_OUT, detail={"because": "sign-out"})
            logout(request)
            announce_ended(user, frozenset({session_id}))
    else:
        logout(request)


def find_end(request: HttpRequest, user: User, *, now: datetime) -> SessionEnd | None:
    """Why this session is over, or None. A session that lacks any of its facts is over."""
    session, at = request.session, now.timestamp()
    try:
        started, seen, epoch = float(session[STARTED_AT]), float(session[LAST_SEEN]), int(session[EPOCH])
    except (KeyError, TypeError, ValueError):
        return SessionEnd(Reason.SIGNED_OUT, "incomplete")
    if not user.is_active:
        return SessionEnd(Reason.ACCOUNT_LOCKED, "locked")
    if not device_binding.is_at_home(request):
        return SessionEnd(Reason.DEVICE_CHANGED, "other-device")
    if epoch != user.session_epoch:
        return SessionEnd(Reason.SIGNED_OUT, "ended-elsewhere")
    because = _AGE if at - started >= settings.SESSION_ABSOLUTE_S else ""
    because = because or (_SILENCE if at - seen >= settings.SESSION_IDLE_S else "")
    return SessionEnd(Reason.SIGNED_OUT, because) if because else None


def end_session(request: HttpRequest, actor: ActorRef, end: SessionEnd) -> None:
    """End a session that may not go on, and write down why."""
    session_id, user = str(request.session.get(PUBLIC_ID, "")), request.user
    with audited(actor=actor) as audit:
        audit.record(
            "session.ended",
            decision="deny",
            reason=end.reason,
            detail={"because": end.detail, "session": session_id},
        )
        if end.reason is Reason.DEVICE_CHANGED and isinstance(user, User):
            tell(
                user,
                kind="session.other-device",
                subject="A session of yours was used in another device, and ended",
                text="Somebody may have copied what keeps you signed in. If you did not just clear your browser's "
                "cookies, sign out everywhere and tell the security team.",
                path="/settings",
                dedupe_key=f"other-device:{session_id}",
            )
        logout(request)
        if isinstance(user, User) and end.detail not in {_AGE, _SILENCE}:
            announce_ended(user, frozenset({session_id}))


def touch(request: HttpRequest, *, now: datetime) -> None:
    """Remember that somebody is there. Requests that a page makes by itself do not count."""
    if request.headers.get(POLLING_HEADER):
        return
    at = now.timestamp()
    if at - float(request.session[LAST_SEEN]) >= TOUCH_EVERY_S:
        request.session[LAST_SEEN] = at


def forget_old_sessions() -> int:
    """Delete the rows of sessions that are over whatever anybody does. They open nothing; they only pile up."""
    deleted, _ = WebSession.objects.filter(expire_date__lt=clock.now()).delete()
    return deleted


def session_ends_at(request: HttpRequest) -> datetime | None:
    """When this session ends whatever is done, for the pages that say so."""
    started = request.session.get(STARTED_AT)
    if started is None:
        return None
    return datetime.fromtimestamp(float(started) + settings.SESSION_ABSOLUTE_S, tz=clock.now().tzinfo)

"""What belongs to every page of one request: who is there, their groups, their proof, their theme. Read once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest

from jit_access.access_requests import selectors as requests
from jit_access.access_requests.models import BreakGlassReview
from jit_access.access_requests.services.reviewing import visible_reviews
from jit_access.access_reviews.access import is_asked_to_review
from jit_access.accounts import selectors as accounts
from jit_access.accounts.models import User
from jit_access.domain.errors import NotFound
from jit_access.domain.roles import SECURITY, SEES_EVERYTHING
from jit_access.envelopes.access import envelopes_waiting
from jit_access.mfa import assurance as mfa_assurance
from jit_access.mfa.assurance import Assurance, Level
from jit_access.mfa.services import session_ends_at
from jit_access.web import reads
from jit_access.web.presenters.break_glass import alarm
from jit_access.web.presenters.shell import Frame, build_shell
from jit_access.web.viewmodels.shell import Shell

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"
SHORTCUTS_COOKIE = "shortcuts"
FACTOR_NAMES = {Level.SECOND_FACTOR: "Code", Level.PHISHING_RESISTANT: "Passkey"}


def groups_of(request: HttpRequest) -> frozenset[str]:
    """The groups of whoever is signed in, as they are now."""
    found: frozenset[str] | None = getattr(request, "_group_names", None)
    if found is None:
        found = accounts.groups_of(request.user) if isinstance(request.user, User) else frozenset()
        request._group_names = found  # type: ignore[attr-defined]  # kept for this request only
    return found


def assurance_of(request: HttpRequest) -> Assurance:
    """How sure this session is who is there, by the database's clock."""
    return mfa_assurance.assurance_of(request)


def theme_of(request: HttpRequest) -> str:
    """The saved theme: of the person when signed in, else of this browser."""
    user = getattr(request, "user", None)
    wanted = user.theme if isinstance(user, User) else request.COOKIES.get(THEME_COOKIE, "auto")
    return wanted if wanted in THEMES else "auto"


def has_shortcuts(request: HttpRequest) -> bool:
    """On, unless this browser switched them off."""
    return request.COOKIES.get(SHORTCUTS_COOKIE) != "off"


def _session_end(request: HttpRequest, now: datetime) -> datetime | None:
    """When this session ends if nothing more is done: after its silence, or at its last hour."""
    latest = session_ends_at(request)
    silence = now + timedelta(seconds=settings.SESSION_IDLE_S)
    return min(latest, silence) if latest else None


def _open_reviews(request: HttpRequest, user: User) -> list[BreakGlassReview]:
    """For those who see everything: what was opened without approval and is not reviewed yet."""
    if not SEES_EVERYTHING & groups_of(request):
        return []
    return list(visible_reviews(actor=user).filter(closed_at=None).order_by("due_at", "pk"))


def make_shell(request: HttpRequest, current: str, now: datetime) -> Shell:
    """The frame around a page."""
    user = request.user
    if not isinstance(user, User):
        raise NotFound
    queue = requests.approvals_queue(actor=user, now=now)
    assurance = assurance_of(request)
    reviews = _open_reviews(request, user)
    frame = Frame(
        person=user,
        groups=groups_of(request),
        is_approver=any(item.may_answer for item in queue) or reads.decides(user),
        open_approvals=sum(item.may_answer for item in queue),
        factor_proved_at=assurance.proved_at,
        factor_name=FACTOR_NAMES.get(assurance.level, ""),
        session_ends_at=_session_end(request, now),
        now=now,
        has_shortcuts=has_shortcuts(request),
        open_reviews=len(reviews),
        alarm=alarm(reviews, now) if SECURITY in groups_of(request) else None,
        reviews=is_asked_to_review(user),
        envelopes=envelopes_waiting(user),
    )
    return build_shell(frame, current)

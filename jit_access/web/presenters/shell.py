"""The navigation one may use, and the state of one's second factor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.domain.roles import OPERATORS, SECURITY, SEES_EVERYTHING
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.parts import Notice
from jit_access.web.viewmodels.shell import Assurance, NavGroup, NavLink, Shell

# How long a proof is good for most sensitive steps; each step's own rule decides, this only says it ahead.
USUALLY_GOOD_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame depends on, read once per request."""

    person: User
    groups: frozenset[str]
    is_approver: bool
    open_approvals: int
    factor_proved_at: datetime | None
    factor_name: str
    session_ends_at: datetime | None
    now: datetime
    has_shortcuts: bool
    open_reviews: int = 0
    alarm: Notice | None = None
    reviews: bool = False  # may see at least one review of access
    envelopes: int | None = None  # how many wait for a signature; None: none to see and no agent to have one


def build_shell(frame: Frame, current: str) -> Shell:
    """`current` is the name of the page's route, such as `my-access`."""
    return Shell(
        groups=tuple(group for group in _groups(frame, current) if group.links),
        person=words.person_of(frame.person),
        person_id=frame.person.public_id,
        assurance=_assurance(frame),
        is_settings=current == "settings",
        has_shortcuts=frame.has_shortcuts,
        alarm=frame.alarm,
        session_ends_iso=figures.iso(frame.session_ends_at) if frame.session_ends_at else "",
    )


def _groups(frame: Frame, current: str) -> tuple[NavGroup, ...]:
    def link(label: str, route: str, icon: str, key: str, count: int = 0) -> NavLink:
        return NavLink(label, reverse(f"web:{route}"), icon, key, route == current, count)

    decide = (link("Approvals", "approvals", "inbox", "p", frame.open_approvals),) if frame.is_approver else ()
    if frame.envelopes is not None:
        decide = (*decide, link("Envelopes", "envelopes", "box", "e", frame.envelopes))
    help_out = (link("Factor resets", "resets", "person", "f"),) if SECURITY in frame.groups else ()
    watch = (
        (link("Break-glass", "break-glass", "alert", "b", frame.open_reviews), link("Locks", "locks", "lock", "x"))
        if SEES_EVERYTHING & frame.groups
        else ()
    )
    reviews = (link("Access reviews", "reviews", "shield", "v"),) if frame.reviews else ()
    targets = (link("Targets", "targets", "target", "t"),) if OPERATORS in frame.groups else ()
    issuers = (link("Token issuers", "issuers", "key", "i"),) if OPERATORS in frame.groups else ()
    run = (*targets, *issuers, link("Policy", "policy", "doc", "o"))
    may_own = frame.groups & (settings.AGENT_OWNER_GROUPS | SEES_EVERYTHING)
    agents = (link("Agents", "agents", "chip", "n"),) if may_own else ()
    work = (link("My access", "my-access", "grid", "a"), link("Request access", "request-new", "plus", "r"), *agents)
    return (
        NavGroup("Work", work),
        NavGroup("Decide", decide),
        NavGroup("Watch", (link("Activity", "activity", "list", "y"), *reviews, *watch)),
        NavGroup("Run", (*run, *help_out)),
    )


def _assurance(frame: Frame) -> Assurance:
    proved_at = frame.factor_proved_at
    if proved_at is None:
        return Assurance("No second factor proved in this session.", is_fresh=False, icon="alert")
    good_until = proved_at + USUALLY_GOOD_FOR
    name = frame.factor_name
    if good_until > frame.now:
        text = f"Second factor fresh. {name}, {figures.clock(proved_at)}, good until {figures.clock(good_until)[:-4]}."
        return Assurance(text, is_fresh=True)
    text = f"Second factor proved {figures.ago(proved_at, frame.now)}. Sensitive steps ask for it again."
    return Assurance(text, is_fresh=False)

"""A grant in words, wherever it is shown: its state, and the pages that ask before something is done to it."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.grants.models import Grant
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.ends import end_words
from jit_access.web.viewmodels.parts import Badge, Confirm, Field

SOON_S = figures.SECONDS_SHOWN_BELOW_S
NOTE_CHARS = 300


def grant_badge(grant: Grant, now: datetime) -> Badge:
    """The state in a word. A grant whose end has passed is over, whatever the row still says."""
    if grant.state == GrantState.ACTIVE:
        left = left_s(grant, now)
        if left <= 0:
            return Badge("Time ran out", "check")
        if grant.is_break_glass:
            return Badge("Break-glass", "alert", "stop")
        return Badge("Ends soon", "clock", "wait") if left < SOON_S else Badge("Active", "check", "live")
    return {
        GrantState.SCHEDULED: Badge("Approved, not started", "play"),
        GrantState.ACTIVATING: Badge("Starting", "clock"),
        GrantState.SUSPENDED: Badge("Paused", "stop", "wait"),
        GrantState.REVOKING: Badge("Ending", "stop", "wait"),
        GrantState.REVOKE_FAILED: Badge("Exposed", "alert", "stop"),
    }.get(GrantState(grant.state), end_words(grant.end_reason).badge)


def state_sentence(grant: Grant) -> str:
    """What a state that is neither running nor over means for its holder."""
    return {
        GrantState.ACTIVATING: "The gateway sets it up. Reload in a moment.",
        GrantState.SUSPENDED: "Paused by Security: the gateway lets nothing through until they take it up again. "
        "The clock runs on.",
        GrantState.REVOKING: "The gateway refuses it already. The target is being told.",
        GrantState.REVOKE_FAILED: "The gateway refuses it already. The target could not be told yet.",
    }.get(GrantState(grant.state), "")


def end_confirm(grant: Grant, viewer: User) -> Confirm:
    """What *End now* ends and what that does."""
    scope = scope_of(grant)
    what = words.held_word(scope)
    is_own = grant.subject_id == viewer.pk
    whose = "your" if is_own else figures.possessive(grant.subject.display_name, is_person=grant.subject.is_person)
    return Confirm(
        id=f"end-{grant.public_id}",
        title=f"End {whose} {words.held_phrase(scope, 'on')}?",
        effect="What is running stops at once, unfinished. "
        f"To go on {'you' if is_own else 'it'} would have to ask again.",
        verb=f"End {'my' if is_own else 'this'} {what}",
        keep="Keep it",
        post_href=reverse("web:grant-end", args=[grant.public_id]),
        back_href=reverse("web:my-access"),
    )


def revoke_confirm(grant: Grant, *, note: str = "", error: str = "") -> Confirm:
    """Revoking somebody's access: the effect, and the reason that its holder reads."""
    scope = scope_of(grant)
    what = words.held_word(scope)
    whose = figures.possessive(grant.subject.display_name, is_person=grant.subject.is_person)
    holder = words.short_name(grant.subject)
    return Confirm(
        id="revoke",
        title=f"Revoke {whose} {words.held_phrase(scope, 'on')}?",
        effect="What is running is cut at once. Every token of this grant is refused from now on.",
        verb=f"Revoke {whose} {what}",
        keep="Let it run",
        post_href=reverse("web:grant-revoke", args=[grant.public_id]),
        back_href=f"{reverse('web:activity')}?grant={grant.public_id}",
        fields=(Field("note", f"Why? {holder} reads this.", note, "textarea", error=error, max_chars=NOTE_CHARS),),
    )


def extension_words(older: Grant, now: datetime) -> str:
    """What starting an extension does. It has to be started, and in time, to take anything over."""
    if older.state == GrantState.ACTIVE and older.valid_until is not None and older.valid_until > now:
        until = figures.end_time(older.valid_until, now)
        return f"It takes over from the grant that runs until {until}: tokens stay, and what runs goes on."
    return "The grant that it was to extend is over, so it starts as one of its own and needs a new token."


def start_confirm(grant: Grant, now: datetime) -> Confirm:
    """Starting is a decision of its own: the clock runs from here."""
    scope = scope_of(grant)
    lasts = figures.round_duration(grant.lasts_s)
    takes_over = f" {extension_words(grant.extends, now)}" if grant.extends is not None else ""
    return Confirm(
        id="start",
        title=f"Start your {words.held_phrase(scope, 'on')}?",
        effect=f"Your {lasts} start now and end by themselves.{takes_over} You could also start later, before "
        f"{figures.end_time(grant.start_by, now)}.",
        verb="Start now",
        keep="Not yet",
        post_href=reverse("web:grant-start", args=[grant.public_id]),
        back_href=reverse("web:my-access"),
        is_danger=False,
    )


def ask_again_href(request: AccessRequest) -> str:
    """The form, filled with the same."""
    return f"{reverse('web:request-new')}?again={request.public_id}"


def left_s(grant: Grant, now: datetime) -> float:
    """Seconds until the end; negative once it passed, zero before it started."""
    return figures.seconds_between(grant.valid_until, now) if grant.valid_until else 0.0


def scope_of(grant: Grant) -> Scope:
    """The grant's scope as a value."""
    return parse_scope(grant.scope)

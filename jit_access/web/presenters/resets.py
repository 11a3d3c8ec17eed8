"""Resets of a second factor in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.mfa.models import FactorReset
from jit_access.mfa.resets import MAX_REASON_CHARS, OPEN_FOR
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice
from jit_access.web.viewmodels.resets import ResetPage, ResetsPage
from jit_access.web.viewmodels.security import SettingRow

_OVER = {
    "done": Badge("New factor set up", "check", "live"),
    "withdrawn": Badge("Stopped", "minus"),
    "expired": Badge("Nobody confirmed it", "clock"),
    "replaced": Badge("Another one followed", "minus"),
}


def resets_page(resets: Iterable[FactorReset], now: datetime, *, typed: dict[str, str], problem: str) -> ResetsPage:
    """The form and what was asked before."""
    field, _, sentence = problem.partition(":")
    errors = {field: sentence.strip()} if problem else {}
    return ResetsPage(
        fields=(
            Field(
                "username",
                "User name",
                typed.get("username", ""),
                hint="Of the person who lost every factor.",
                error=errors.get("username", ""),
                max_chars=80,
                autocomplete="off",
            ),
            Field(
                "reason",
                "How do you know that it is them?",
                typed.get("reason", ""),
                kind="textarea",
                hint="They, and all of security, read this.",
                error=errors.get("reason", ""),
                max_chars=MAX_REASON_CHARS,
            ),
        ),
        post_href=reverse("web:resets"),
        rows=tuple(_row(reset, now) for reset in resets),
    )


def reset_page(reset: FactorReset, viewer: User, now: datetime, code: str = "") -> ResetPage:
    """One of them, for somebody of security or for the person."""
    is_asked = _is_asked(reset, now)
    may_confirm = is_asked and viewer.pk not in {reset.asked_by_id, reset.user_id} and now >= reset.not_before
    facts = [
        Fact("Person", reset.user.display_name, reset.user.username),
        Fact("Asked by", reset.asked_by.display_name, f"{figures.day_and_time(reset.asked_at)} UTC"),
        Fact("Why", reset.reason),
    ]
    if reset.confirmed_by is not None and reset.confirmed_at is not None:
        when = f"{figures.day_and_time(reset.confirmed_at)} UTC"
        facts.append(Fact("Confirmed by", reset.confirmed_by.display_name, when))
    is_theirs = viewer.pk == reset.user_id
    back = Action("Security settings" if is_theirs else "All resets", reverse(_home(is_theirs)))
    return ResetPage(
        title=f"Reset for {reset.user.display_name}",
        badge=_badge(reset, now),
        facts=tuple(facts),
        notice=_notice(reset, viewer, now) if is_asked else None,
        confirm=_confirm(reset) if may_confirm else None,
        withdraw=withdraw_confirm(reset, viewer) if is_asked else None,
        back=back,
        code=code,
    )


def withdraw_confirm(reset: FactorReset, viewer: User) -> Confirm:
    """Stopping is always the safe way."""
    is_theirs = viewer.pk == reset.user_id
    return Confirm(
        id="withdraw",
        title=f"Stop the reset for {'you' if is_theirs else reset.user.display_name}?",
        effect="Nothing changes for the account. All of security is told.",
        verb="Stop the reset",
        keep="Leave it",
        post_href=reverse("web:reset-withdraw", args=[reset.public_id]),
        back_href=reverse("web:reset", args=[reset.public_id]),
        is_danger=False,
    )


def _confirm(reset: FactorReset) -> Confirm:
    name = reset.user.display_name
    return Confirm(
        id="confirm",
        title=f"Reset the second factor of {name}?",
        effect="Their app, passkeys, recovery codes, devices and sessions are gone at once. You see a code, once: give "
        "it to them yourself. It lasts an hour.",
        verb=f"Reset {name}'s factor",
        keep="Not now",
        post_href=reverse("web:reset", args=[reset.public_id]),
        back_href=reverse("web:reset", args=[reset.public_id]),
    )


def _home(is_theirs: bool) -> str:
    return "web:settings" if is_theirs else "web:resets"


def _row(reset: FactorReset, now: datetime) -> SettingRow:
    asked = f"{reset.asked_by.display_name} asked {figures.ago(reset.asked_at, now)}: {reset.reason}"
    return SettingRow(
        reset.user.display_name,
        asked,
        _badge(reset, now),
        action=Action("Open", reverse("web:reset", args=[reset.public_id])),
    )


def _is_asked(reset: FactorReset, now: datetime) -> bool:
    return reset.ended_at is None and reset.confirmed_at is None and now - reset.asked_at < OPEN_FOR


def _badge(reset: FactorReset, now: datetime) -> Badge:
    if _is_asked(reset, now):
        return Badge("Waits for somebody else", "clock", "wait")
    if reset.ended_at is None and reset.confirmed_at is not None:
        return Badge("Confirmed, waits for the person", "clock", "wait")
    return _OVER.get(reset.outcome, _OVER["expired"])


def _notice(reset: FactorReset, viewer: User, now: datetime) -> Notice:
    if viewer.pk == reset.user_id:
        return Notice("This is about you.", "If you still have your factor, stop it.", "stop", "alert")
    if viewer.pk == reset.asked_by_id:
        return Notice("Somebody else of security confirms it.", "Ask one of them.", "wait", "clock")
    if now < reset.not_before:
        left = figures.round_duration((reset.not_before - now + timedelta(seconds=30)).total_seconds())
        return Notice(f"It can be confirmed in {left}.", "Until then the person can object.", "wait", "clock")
    return Notice("Make sure that it is them.", "Call them on a number that you knew before.", "wait", "alert")

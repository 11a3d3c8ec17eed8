"""Being away, in words: who answers for whom, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.access_requests.models import Absence, Delegation
from jit_access.accounts.models import User
from jit_access.domain.errors import GatewayError
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Field


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody wrote into the form."""

    starts: str = ""
    ends: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class AwayRow:
    """One span of time, and the button that ends it."""

    title: str
    note: str
    badge: Badge
    end_href: str
    verb: str


@dataclass(frozen=True, slots=True)
class AwayPage:
    """The whole page."""

    delegations: tuple[AwayRow, ...]
    absences: tuple[AwayRow, ...]
    lend: Action
    leave: Action
    back: Action


def build_page(user: User, delegations: Sequence[Delegation], absences: Sequence[Absence], now: datetime) -> AwayPage:
    """Own ones, and those that others gave."""
    return AwayPage(
        delegations=tuple(_delegation(row, user, now) for row in delegations),
        absences=tuple(
            _row("You are away", row.starts_at, row.ends_at, now, row.public_id, "I am back") for row in absences
        ),
        lend=Action("Let somebody answer for me", reverse("web:away-lend"), "person"),
        leave=Action("Note when I am away", reverse("web:away-leave"), "clock"),
        back=Action("Security settings", reverse("web:settings"), "back"),
    )


def _delegation(row: Delegation, user: User, now: datetime) -> AwayRow:
    is_mine = row.delegator_id == user.pk
    title = (
        f"{row.delegate.display_name} answers for you" if is_mine else f"You answer for {row.delegator.display_name}"
    )
    return _row(title, row.starts_at, row.ends_at, now, row.public_id, "Take it back" if is_mine else "Give it back")


def _row(
    title: str, starts: datetime, ends: datetime, now: datetime, public_id: str, verb: str
) -> AwayRow:  # all of one row
    badge = Badge("Now", "check", "live") if starts <= now else Badge("Later", "clock")
    note = f"From {figures.end_time(starts, now)} until {figures.end_time(ends, now)}."
    return AwayRow(title, note, badge, reverse("web:away-end", args=[public_id]), verb)


def lend_confirm(typed: Typed, error: GatewayError | None = None) -> Confirm:
    """They count as one person with whoever asks them."""
    to = Field(
        "to", "Who answers for you?", typed.to, hint="Their user name. They are told.", error=_said(error, "to"),
        max_chars=150,
    )  # fmt: skip
    return Confirm(
        id="lend",
        title="Let somebody answer for you?",
        effect="They may answer requests that ask you, and count as you: not both of you. Never their own requests, "
        "and they cannot hand it on. The log names you both.",
        verb="Let them answer",
        keep="Back",
        post_href=reverse("web:away-lend"),
        back_href=reverse("web:away"),
        is_danger=False,
        fields=(to, *_dates(typed, error)),
    )


def leave_confirm(typed: Typed, error: GatewayError | None = None) -> Confirm:
    """An absence takes no right away."""
    return Confirm(
        id="leave",
        title="When are you away?",
        effect="You are not told of requests then, unless nobody else could answer. You still may answer. Who asks "
        "reads that you are away, and who answers for you.",
        verb="Note it",
        keep="Back",
        post_href=reverse("web:away-leave"),
        back_href=reverse("web:away"),
        is_danger=False,
        fields=_dates(typed, error),
    )


def _dates(typed: Typed, error: GatewayError | None) -> tuple[Field, ...]:
    return tuple(
        Field(name, label, value, "datetime-local", hint="Day and time, UTC.", error=_said(error, name), max_chars=30)
        for name, label, value in (("starts", "From", typed.starts), ("ends", "Until", typed.ends))
    )


def _said(error: GatewayError | None, field: str) -> str:
    return error.sentence if error is not None and error.fields.get("field") == field else ""

"""Locks in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.locks import LockAxis
from jit_access.domain.scopes import parse_scope
from jit_access.grants.lockable import MAX_NAME_CHARS, Lockable
from jit_access.grants.models import Grant
from jit_access.grants.news import describe
from jit_access.locks.models import Lock
from jit_access.locks.services import DEFAULT_S, REASON_CHARS
from jit_access.web import figures
from jit_access.web.presenters.grants import grant_badge
from jit_access.web.viewmodels.locks import HitRow, LockPage, LockRow, LocksPage, NewLockPage
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Hidden, Notice, Option

AXIS_WORDS = {
    LockAxis.PERSON: "Person",
    LockAxis.AGENT: "Service account",
    LockAxis.GRANT: "Grant",
    LockAxis.CREDENTIAL: "Token",
    LockAxis.SESSION: "Session",
    LockAxis.DEVICE: "Device",
    LockAxis.TARGET: "Target",
    LockAxis.RESOURCE: "Repository",
    LockAxis.TIER: "Tier",
}
_EFFECTS = {
    LockAxis.PERSON: "They cannot sign in, ask, answer or start anything, and neither can their service accounts.",
    LockAxis.AGENT: "Its API tokens are refused, and it can ask for nothing.",
    LockAxis.GRANT: "It can be neither used nor started nor extended.",
    LockAxis.CREDENTIAL: "That one is refused and gets no successor. The grant and its other tokens go on. "
    "Of a workload, every access token is meant.",
    LockAxis.SESSION: "Nothing can be done in that browser's session. The person can sign in elsewhere.",
    LockAxis.DEVICE: "Nobody can do anything from that device, nor sign in there.",
    LockAxis.TARGET: "Nobody can ask for, start or use anything there.",
    LockAxis.RESOURCE: "Nobody can ask for, start or use it.",
    LockAxis.TIER: "Nobody can ask for, start or use anything that counts as this serious, at any target.",
}
UNTIL_LIFTED = "lifted"
_TIMES = ((900, "15 min"), (3600, "1 h"), (DEFAULT_S, "4 h"), (86400, "1 d"), (7 * 86400, "7 d"), (30 * 86400, "30 d"))


def build_list(
    standing: Sequence[Lock], over: Sequence[Lock], now: datetime, *, can_lock: bool, asked: tuple[str, str] = ("", "")
) -> LocksPage:
    """The page of all locks. `asked`: axis and name that could not be found."""
    count = len(standing)
    lead = f"{figures.plural(count, 'lock stands', 'locks stand')}." if count else "Nothing is locked."
    missing = (
        Notice(f"There is no {asked[0]} called {asked[1]}.", "Check the name.", "wait", "search") if asked[1] else None
    )
    return LocksPage(
        lead=lead,
        standing=tuple(_row(lock, now, can_lock=can_lock) for lock in standing),
        over=tuple(_row(lock, now, can_lock=False) for lock in over),
        can_lock=can_lock,
        fields=(_axis_field(asked[0]), _name_field(asked[1])),
        notice=missing,
    )


def build_new(found: Lockable, hit: Sequence[Grant], now: datetime, error: GatewayError | None = None,
              typed: tuple[str, str] = ("", "")) -> NewLockPage:  # fmt: skip
    """The page that asks. `typed`: reason and time as they came, to be mended."""
    axis = found.facts.axis
    count = figures.plural(len(hit), "live grant")
    chosen = typed[1] or str(DEFAULT_S)
    return NewLockPage(
        confirm=Confirm(
            id="lock",
            title=f"Lock {found.label}?",
            effect=f"{_EFFECTS[axis]} What runs is cut at once and can go on when the lock is over; time goes on.",
            verb=f"Lock {_short(found)}",
            keep="Back",
            post_href=f"{reverse('web:lock-new')}?{_query(axis, _name_of(found))}",
            back_href=reverse("web:locks"),
            fields=(
                Field(
                    "reason", "Why?", typed[0], "textarea", max_chars=REASON_CHARS[1],
                    hint="Security and auditors read this. Whoever is locked does not.", error=_said(error, "reason"),
                ),
                Field(
                    "lasts", "For how long?", chosen, "select", error=_said(error, "lasts"),
                    options=(
                        *(Option(str(seconds), words, str(seconds) == chosen) for seconds, words in _TIMES),
                        Option(UNTIL_LIFTED, "Until somebody lifts it", chosen == UNTIL_LIFTED),
                    ),
                ),
            ),
            hidden=(Hidden("axis", str(axis)), Hidden("name", _name_of(found))),
        ),
        hit_title=f"It would stop {count}" if hit else "No live grant would be stopped",
        hits=tuple(_hit(grant, now) for grant in hit),
        wider=_wider(axis, hit) if len(hit) == 1 else (),
        notice=None if error is None or "field" in error.fields else Notice(error.sentence, "", "stop", "alert"),
    )  # fmt: skip


def build_lock(lock: Lock, hit: Iterable[Grant], now: datetime, *, can_lift: bool) -> LockPage:
    """One lock with everything it stopped."""
    grants = tuple(hit)
    facts = [
        Fact("What", lock.label, AXIS_WORDS[LockAxis(lock.axis)].lower()),
        Fact("Why", lock.reason),
        Fact("Placed", f"{figures.day_and_time(lock.placed_at)} UTC", f"by {lock.placed_by_name}"),
        Fact("Ends", _ends(lock, now)),
        Fact("Id", lock.public_id, is_mono=True),
    ]
    if lock.lifted_at is not None:
        note = f"by {lock.lifted_by_name}{f': {lock.lift_note}' if lock.lift_note else ''}"
        facts[3] = Fact("Lifted", f"{figures.day_and_time(lock.lifted_at)} UTC", note)
    stands = lock.stands_at(now)
    return LockPage(
        title=f"{lock.label} {'is' if stands else 'was'} locked",
        badge=_badge(lock, now),
        facts=tuple(facts),
        hits=tuple(_hit(grant, now) for grant in grants),
        hit_title=f"It stopped {figures.plural(len(grants), 'grant')}" if grants else "It stopped no grant",
        lift=_lift_action(lock) if can_lift and stands else None,
    )


def lift_confirm(lock: Lock, error: GatewayError | None = None) -> Confirm:
    """What lifting lets go on."""
    return Confirm(
        id="lift",
        title=f"Lift the lock on {lock.label}?",
        effect="What no other lock stops goes on at once, until the end that it had.",
        verb="Lift the lock",
        keep="Leave it locked",
        post_href=reverse("web:lock-lift", args=[lock.public_id]),
        back_href=reverse("web:lock", args=[lock.public_id]),
        is_danger=False,
        fields=(
            Field("note", "Why is it over?", "", "textarea", is_required=False, optional_note="for the log",
                  max_chars=REASON_CHARS[1], error=_said(error, "note")),
        ),
    )  # fmt: skip


def lock_href(axis: LockAxis, name: str) -> str:
    """The page that previews and asks."""
    return f"{reverse('web:lock-new')}?{_query(axis, name)}"


def _query(axis: LockAxis, name: str) -> str:
    return urlencode({"axis": str(axis), "name": name})


def _name_of(found: Lockable) -> str:
    facts = found.facts
    return f"{facts.key}/{facts.resource}" if facts.axis is LockAxis.RESOURCE else facts.key


def _short(found: Lockable) -> str:
    if found.facts.axis in {LockAxis.PERSON, LockAxis.AGENT, LockAxis.TARGET, LockAxis.RESOURCE, LockAxis.TIER}:
        return figures.first_name(found.label) if found.facts.axis is LockAxis.PERSON else found.label
    return f"the {AXIS_WORDS[found.facts.axis].lower()}"


def _row(lock: Lock, now: datetime, *, can_lock: bool) -> LockRow:
    count = lock.hits.count()
    return LockRow(
        href=reverse("web:lock", args=[lock.public_id]),
        label=lock.label,
        axis=AXIS_WORDS[LockAxis(lock.axis)],
        badge=_badge(lock, now),
        why=lock.reason,
        who=f"{lock.placed_by_name}, {figures.ago(lock.placed_at, now)}",
        ends=_ends(lock, now),
        hit=figures.plural(count, "grant"),
        lift=_lift_action(lock) if can_lock else None,
    )


def _lift_action(lock: Lock) -> Action:
    return Action("Lift", reverse("web:lock-lift", args=[lock.public_id]), "back")


def _badge(lock: Lock, now: datetime) -> Badge:
    if lock.stands_at(now):
        return Badge("Locked", "lock", "stop")
    return Badge("Lifted", "back") if lock.lifted_at is not None else Badge("Ran out", "clock")


def _ends(lock: Lock, now: datetime) -> str:
    if lock.lifted_at is not None:
        return f"lifted {figures.end_time(lock.lifted_at, now)}"
    if lock.until is None:
        return "when somebody lifts it"
    at = figures.end_time(lock.until, now)
    left_s = figures.seconds_between(lock.until, now)
    return f"in {figures.round_duration(left_s)}, {at}" if left_s > 0 else at


def _hit(grant: Grant, now: datetime) -> HitRow:
    return HitRow(
        href=f"{reverse('web:activity')}?grant={grant.public_id}",
        who=grant.subject.display_name,
        what=describe(grant),
        badge=grant_badge(grant, now),
    )


def _wider(axis: LockAxis, hit: Sequence[Grant]) -> tuple[Action, ...]:
    """From one grant to what it rests on."""
    if axis is not LockAxis.GRANT:
        return ()
    grant = hit[0]
    who = LockAxis.PERSON if grant.subject.is_person else LockAxis.AGENT
    names = [part.repository for part in parse_scope(grant.scope).resources][:3]
    return (
        Action(f"Lock {grant.subject.display_name}", lock_href(who, grant.subject.public_id)),
        *(
            Action(f"Lock {grant.target.slug}/{name}", lock_href(LockAxis.RESOURCE, f"{grant.target.slug}/{name}"))
            for name in names
        ),
        Action(f"Lock {grant.target.slug}", lock_href(LockAxis.TARGET, grant.target.slug)),
        *(
            (Action("Lock the session it was started in", lock_href(LockAxis.SESSION, grant.started_in)),)
            if grant.started_in and grant.state != GrantState.SCHEDULED
            else ()
        ),
    )


def _axis_field(chosen: str) -> Field:
    options = tuple(Option(str(axis), word, str(axis) == chosen) for axis, word in AXIS_WORDS.items())
    return Field("axis", "What?", chosen or str(LockAxis.PERSON), "select", options=options)


def _name_field(typed: str) -> Field:
    hint = "A user name, a slug, target/repository, critical, or an id such as grt_… from Activity."
    return Field("name", "Which one?", typed, hint=hint, max_chars=MAX_NAME_CHARS, placeholder="ada")


def _said(error: GatewayError | None, field: str) -> str:
    return error.sentence if error is not None and error.fields.get("field") == field else ""

"""The small values that many pages share, one per component in `templates/components/`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jit_access.domain.operations import Tier
from jit_access.web import figures


@dataclass(frozen=True, slots=True)
class Badge:
    """Icon, word and hue: always three. `tone` is "", "live", "wait" or "stop"."""

    word: str
    icon: str
    tone: str = ""
    is_filled: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """A repository at a target, in the words a client uses."""

    target: str
    name: str


@dataclass(frozen=True, slots=True)
class ScopePart:
    """One of several repositories, with what may be done on this one. `note` is what narrows it."""

    resource: Resource
    operations: str
    tier: Badge | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Who: round with initials for people, square for agents."""

    name: str
    initials: str
    note: str = ""
    is_agent: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do next: a link, or a form that posts when `is_post`. `style` adds a button modifier."""

    label: str
    href: str
    icon: str = ""
    style: str = ""
    is_post: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A bold sentence, the rest, one action."""

    title: str
    more: str = ""
    tone: str = ""
    icon: str = "inbox"
    action: Action | None = None
    code: str = ""
    is_assertive: bool = False


@dataclass(frozen=True, slots=True)
class Countdown:
    """Time left as the server sees it; the script only re-renders it."""

    until_iso: str
    value: str
    ends_text: str
    is_soon: bool


@dataclass(frozen=True, slots=True)
class Rail:
    """How much is used of what; a cut ends it with a red stop."""

    percent: str
    label: str
    tone: str = ""
    is_cut: bool = False
    is_tall: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A whole command, one word each, never with a secret in it."""

    words: tuple[str, ...]
    label: str = "Copy command"


@dataclass(frozen=True, slots=True)
class ReasonItem:
    """A fact, its code, and whether it raises ("up"), lowers ("ok"), stops ("stop") or is plain ("")."""

    sentence: str
    code: str = ""
    tone: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A term, its value, and a note below it."""

    term: str
    value: str
    note: str = ""
    is_mono: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select, a pill or a radio."""

    value: str
    label: str
    is_chosen: bool = False
    is_disabled: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class PasskeyPart:
    """A passkey may stand in for the code of this field. `payload_hash` binds the answer to one verdict.

    `is_only`: a code would be refused, so none is offered.
    """

    payload_hash: str = ""
    is_only: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled input. `kind` is an input type, or "textarea", "select", "code"."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    hint: str = ""
    error: str = ""
    options: tuple[Option, ...] = ()
    autocomplete: str = ""
    max_chars: int = 0
    is_required: bool = True
    placeholder: str = ""
    is_focused: bool = False
    optional_note: str = ""
    passkey: PasskeyPart | None = None


@dataclass(frozen=True, slots=True)
class Hidden:
    """A value that goes back with a form."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """Object and effect in words, the verb on the button, the safe answer first."""

    id: str
    title: str
    effect: str
    verb: str
    keep: str
    post_href: str
    back_href: str
    is_danger: bool = True
    fields: tuple[Field, ...] = ()
    hidden: tuple[Hidden, ...] = ()


TIER_BADGES: dict[str, Badge] = {
    Tier.STANDARD: Badge("Standard", "box"),
    Tier.SENSITIVE: Badge("Sensitive", "lock"),
    Tier.CRITICAL: Badge("Critical", "lock"),
}


def make_countdown(valid_until: datetime, now: datetime) -> Countdown:
    """The time left until `valid_until`; amber under 15 minutes."""
    left_s = figures.seconds_between(valid_until, now)
    return Countdown(
        until_iso=figures.iso(valid_until),
        value=figures.duration(left_s),
        ends_text=figures.end_time(valid_until, now),
        is_soon=left_s < figures.SECONDS_SHOWN_BELOW_S,
    )


def make_time_rail(activated_at: datetime, valid_until: datetime, now: datetime) -> Rail:
    """Solid for the time used, pale for the time left."""
    total_s = max(1.0, figures.seconds_between(valid_until, activated_at))
    used_s = min(total_s, max(0.0, figures.seconds_between(now, activated_at)))
    left_s = total_s - used_s
    label = (
        f"{figures.round_duration(used_s)} of {figures.round_duration(total_s)} used, "
        f"{figures.round_duration(left_s)} left"
    )
    tone = "soon" if left_s < figures.SECONDS_SHOWN_BELOW_S else "live"
    return Rail(percent=f"{100 * used_s / total_s:.1f}%", label=label, tone=tone)


def make_person(name: str, *, note: str = "", is_agent: bool = False) -> Person:
    """A person or an agent by the name people use."""
    return Person(name, ">_" if is_agent else figures.initials(name), note, is_agent)

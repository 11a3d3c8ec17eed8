"""The form with which an owner proposes an envelope: what is typed, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.domain.errors import CallerError
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.envelopes.hours import DAYS, Hours, check_hours, parse_clock
from jit_access.policies.rules import parse_bytes
from jit_access.web import figures
from jit_access.web.viewmodels.envelopes import EnvelopeForm
from jit_access.web.viewmodels.parts import Field, Notice, Option

LASTS = (900, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 24 * 3600)
ENDS_DAYS = ("7", "30", "60", "90")
REVIEW_DAYS = ("7", "14", "30")
_MAX_LINES = 20


@dataclass(frozen=True, slots=True)
class Typed:
    """What came with the form, and what is wrong with it, by field."""

    sent: Mapping[str, str] = field(default_factory=dict)
    days: Sequence[str] = tuple(str(day) for day in range(7))
    operations: Sequence[str] = ("pull",)
    workloads: Sequence[str] = ()
    error: CallerError | None = None

    def problem(self, name: str) -> str:
        """The sentence beside a field."""
        is_here = self.error is not None and self.error.fields.get("field") == name
        return self.error.sentence if is_here and self.error is not None else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A workload identity that could be pinned."""

    id: str
    label: str


def build_form(agents: Sequence[User], identities: Sequence[Identity], typed: Typed) -> EnvelopeForm:
    """With what was typed, and the sentence beside the field that it is about."""
    sent, chosen = typed.sent, typed.sent.get("agent", "")

    def text(name: str, label: str, value: str = "", **more: object) -> Field:
        facts: dict[str, object] = {"name": name, "label": label, "value": sent.get(name, value)}
        return Field(**(facts | {"error": typed.problem(name)} | more))  # type: ignore[arg-type]  # named as its fields

    def choice(name: str, label: str, values: Sequence[tuple[str, str]], value: str) -> Field:
        picked = sent.get(name, value)
        options = tuple(Option(one, word, one == picked) for one, word in values)
        return Field(name, label, kind="select", options=options, error=typed.problem(name))

    lasts = [(str(one), figures.round_duration(one)) for one in LASTS]
    known = {*typed_fields()}
    other = typed.error if typed.error is not None and typed.error.fields.get("field") not in known else None
    return EnvelopeForm(
        what=(
            choice("agent", "Agent", [(one.public_id, one.display_name) for one in agents], chosen),
            text("name", "Name", placeholder="nightly evaluation", max_chars=80),
            text(
                "resources",
                "Repositories",
                kind="textarea",
                placeholder="demo-registry/llm/tiny-llama",
                hint="One a line, all at one target. After a colon only these tags: demo-registry/llm/tiny-llama:v1.*",
            ),
            text("because", "What it is for", kind="textarea", max_chars=500, hint="Whoever signs it reads this."),
        ),
        operations=tuple(Option(str(one), one.verb, str(one) in typed.operations) for one in Operation),
        workloads=tuple(Option(one.id, one.label, one.id in typed.workloads) for one in identities),
        much=(
            choice("lasts", "One grant lasts at most", lasts, "3600"),
            text("bytes_per_grant", "One grant moves at most", "10 GiB", hint="What is not moved comes back."),
            text("bytes_per_day", "All of them in 24 h", "100 GiB"),
            text("grants_per_day", "Pulls in 24 h", "24", kind="number", hint="How often it opens a grant."),
        ),
        days=tuple(Option(str(number), name, str(number) in typed.days) for number, name in enumerate(DAYS)),
        hours=(
            text("begins", "From", "00:00"),
            text("ends", "To", "24:00"),
            text("time_zone", "Time zone", "UTC", hint="Such as Europe/Berlin."),
        ),
        ends=(
            choice("expires", "It ends", [(one, f"In {one} days") for one in ENDS_DAYS], "30"),
            choice("review", "It is reviewed", [(one, f"Every {one} days") for one in REVIEW_DAYS], "14"),
        ),
        back_href=reverse("web:envelopes"),
        notice=None if other is None else _refusal(other),
        days_error=typed.problem("hours"),
    )


def _refusal(error: CallerError) -> Notice:
    return Notice(error.sentence, "Nothing was proposed.", "wait", "alert", code=str(error.reason))


def typed_fields() -> tuple[str, ...]:
    """The fields beside which a sentence can stand."""
    return (
        "agent", "name", "resources", "because", "lasts", "bytes_per_grant", "bytes_per_day", "grants_per_day",
        "begins", "ends", "time_zone", "expires", "review", "hours",
    )  # fmt: skip


def read_resources(text: str, operations: Sequence[str]) -> tuple[str, list[dict[str, object]]]:
    """The target's slug and the wire form of a scope. Raises: CallerError."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= _MAX_LINES:
        raise CallerError(Reason.INVALID_INPUT, f"Name between 1 and {_MAX_LINES} repositories.", field="resources")
    slugs: set[str] = set()
    parts: list[dict[str, object]] = []
    for line in lines:
        path, _, tags = line.partition(":")
        slug, slash, name = path.partition("/")
        if not slash or not name:
            sentence = "Write target/repository, such as demo-registry/llm/tiny-llama."
            raise CallerError(Reason.INVALID_INPUT, sentence, field="resources")
        slugs.add(slug)
        wanted = [tag.strip() for tag in tags.split(",") if tag.strip()]
        parts.append({"repository": name, "operations": list(operations), "tags": wanted})
    if len(slugs) != 1:
        raise CallerError(Reason.INVALID_INPUT, "One envelope is for one target.", field="resources")
    return slugs.pop(), parts


def read_bytes(name: str, text: str) -> int:
    """`10 GiB`. Raises: CallerError."""
    try:
        return parse_bytes(" ".join(text.split()))
    except ValueError as exc:
        raise CallerError(Reason.INVALID_INPUT, "Write a size such as 10 GiB.", field=name) from exc


def read_number(name: str, text: str, among: Sequence[str] = ()) -> int:
    """A whole number, of a select one of its choices. Raises: CallerError."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 9
    if not is_number or (among and text not in among):
        raise CallerError(Reason.INVALID_INPUT, "Choose a number.", field=name)
    return int(text)


def read_hours(days: Sequence[str], sent: Mapping[str, str]) -> Hours:
    """Raises: CallerError."""
    try:
        chosen = [int(day) for day in days if day.isascii() and day.isdecimal() and len(day) == 1]
        begins, ends = parse_clock(sent.get("begins", "")), parse_clock(sent.get("ends", ""))
        return check_hours(chosen, begins, ends, sent.get("time_zone", "").strip())
    except ValueError as exc:
        raise CallerError(Reason.INVALID_INPUT, str(exc), field="hours") from exc


def end_after(days: int, now: datetime) -> datetime:
    """A little before the whole days are over, so that 90 days are not a second too many."""
    return now + timedelta(days=days) - timedelta(minutes=1)

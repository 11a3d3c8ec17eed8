"""Whether what an agent asks is inside an envelope; if not, which limits it exceeds, field by field. Pure comparing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jit_access.domain.scopes import ResourceScope, Scope
from jit_access.envelopes.budgets import DayUse
from jit_access.envelopes.models import Envelope

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, and by which token. `whole_s` counts from the first grant that an extension goes on from."""

    scope: Scope
    lasts_s: int
    whole_s: int
    workload: str = ""
    is_later: bool = False
    is_bundled: bool = False
    extends_elsewhere: bool = False  # what it extends was opened by somebody else's agreement


@dataclass(frozen=True, slots=True)
class Misfit:
    """One limit that is exceeded: its name, and what is asked against what there is, in a sentence."""

    field: str
    sentence: str

    def to_wire(self) -> dict[str, str]:
        """As it is stored, signed and shown."""
        return {"field": self.field, "sentence": self.sentence}


def misfits(envelope: Envelope, wish: Wish, used: DayUse, now: datetime) -> tuple[Misfit, ...]:
    """Everything in which the wish exceeds the envelope; nothing when it is inside."""
    return (
        *_of_workload(envelope, wish),
        *_of_scope(envelope.asked, wish.scope),
        *_of_time(envelope, wish, now),
        *_of_day(envelope, used),
    )


def _of_workload(envelope: Envelope, wish: Wish) -> Iterator[Misfit]:
    if envelope.workloads and wish.workload not in envelope.workloads:
        with_what = f"the workload identity {wish.workload}" if wish.workload else "a token of no workload identity"
        yield Misfit("workload", f"It is for {', '.join(envelope.workloads)}; this came with {with_what}.")


def _of_scope(wide: Scope, asked: Scope) -> Iterator[Misfit]:
    for part in asked.resources:
        held = wide.find(part.repository)
        if held is None:
            yield Misfit("resources", f"{part.repository} is not in it.")
        elif more := sorted(part.operations - held.operations):
            yield Misfit("operations", f"It does not hold {' or '.join(more)} on {part.repository}.")
        elif not part.is_within(held):
            yield Misfit("resources", f"Of {part.repository} it holds only {_limits(held)}.")


def _of_time(envelope: Envelope, wish: Wish, now: datetime) -> Iterator[Misfit]:
    if wish.extends_elsewhere:
        yield Misfit("extends", "What this extends was not opened inside it.")
    if wish.whole_s > envelope.lasts_at_most_s:
        whole = " with what it extends" if wish.whole_s > wish.lasts_s else ""
        least = span(envelope.lasts_at_most_s)
        yield Misfit("lasts_s", f"It lasts {span(wish.whole_s)}{whole}; at most {least} is inside.")
    ends = now + timedelta(seconds=wish.lasts_s)
    if wish.is_later:
        yield Misfit("not_before", "Inside an envelope access is for now; a later start is asked of people.")
    if wish.is_bundled:
        yield Misfit("bundle", "What is asked together with other things is asked of people.")
    closes = envelope.hours.closes_at(now)
    if closes is None:
        yield Misfit("hours", f"It is open {envelope.hours.text}, and not now.")
    elif ends > closes:
        yield Misfit("hours", f"It is open {envelope.hours.text}; this would go on after that.")
    if ends > envelope.expires_at:
        yield Misfit("expires_at", f"It would go on after the envelope's end, {_day(envelope.expires_at)}.")
    elif ends > envelope.ends_at:
        yield Misfit("review_by", f"It would go on after the day of its review, {_day(envelope.review_by)}.")


def _of_day(envelope: Envelope, used: DayUse) -> Iterator[Misfit]:
    if used.grants >= envelope.grants_per_day:
        yield Misfit("grants_per_day", f"{used.grants} of {envelope.grants_per_day} were opened within 24 h.")
    left = envelope.bytes_per_day - used.taken_bytes
    if left < envelope.bytes_per_grant:
        yield Misfit(
            "bytes_per_day",
            f"{size(max(0, left))} of {size(envelope.bytes_per_day)} is left within 24 h, and one grant takes "
            f"{size(envelope.bytes_per_grant)}.",
        )


def span(seconds: int) -> str:
    """`2 h 30 min`."""
    minutes = max(1, seconds // MINUTE_S)
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (left, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def size(count: int) -> str:
    """`64.0 MiB`; bytes below a KiB as they are."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            return f"{int(value)} bytes" if unit == "bytes" else f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} PiB"


def _limits(part: ResourceScope) -> str:
    return ", ".join([*part.tags, *part.digests, *part.files]) or "all of it"


def _day(moment: datetime) -> str:
    return f"{moment:%d %b %H:%M} UTC"

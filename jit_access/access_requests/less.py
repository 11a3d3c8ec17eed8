"""What an approver takes away, as a value and in words."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.access_requests.models import AccessRequest, Narrowing
from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, Scope, parse_scope

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Offer:
    """What an approver is ready to give."""

    scope: Scope
    lasts_s: int


def taken_away(narrowing: Narrowing) -> tuple[str, ...]:
    """What one narrowing took from its requester, a line for each thing."""
    return what_is_less(
        Offer(parse_scope(narrowing.was_scope), narrowing.was_lasts_s),
        Offer(parse_scope(narrowing.now_scope), narrowing.now_lasts_s),
    )


def what_is_less(asked: Offer, offered: Offer) -> tuple[str, ...]:
    """`1 h instead of 4 h`, `no push on llm/a`, `not llm/b`, `only tag v1 of llm/c`."""
    lines = []
    if offered.lasts_s < asked.lasts_s:
        lines.append(f"{_span(offered.lasts_s)} instead of {_span(asked.lasts_s)}")
    for part in asked.scope.resources:
        kept = offered.scope.find(part.repository)
        lines += [f"not {part.repository}"] if kept is None else _less_of(part, kept)
    return tuple(lines)


def _less_of(part: ResourceScope, kept: ResourceScope) -> list[str]:
    gone = [operation.verb for operation in Operation if operation in part.operations - kept.operations]
    lines = [f"no {' or '.join(gone)} on {part.repository}"] if gone else []
    if (part.tags, part.digests, part.files) != (kept.tags, kept.digests, kept.files):
        lines.append(f"only {', '.join([*kept.tags, *kept.digests, *kept.files])} of {part.repository}")
    return lines


def _span(seconds: int) -> str:
    hours, minutes = divmod(seconds // MINUTE_S, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def narrowing_lines(request: AccessRequest) -> tuple[str, ...]:
    """`Ben Okafor offers less: 1 h instead of 4 h.` for each narrowing, oldest first."""
    rows = request.narrowings.select_related("approver").order_by("pk")
    return tuple(f"{row.approver.display_name} offers less: {'; '.join(taken_away(row))}." for row in rows)

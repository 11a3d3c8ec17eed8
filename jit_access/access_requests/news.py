"""What people are told about requests. Never decisive: it is written beside the change and delivered later."""

from __future__ import annotations

from datetime import UTC

from jit_access.access_requests.less import narrowing_lines
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.people import people_for
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import parse_scope
from jit_access.grants.news import describe_scope, each_of
from jit_access.notifications.services import tell

_OUTCOMES = {
    RequestState.APPROVED: "Approved",
    RequestState.DENIED: "Denied",
    RequestState.EXPIRED: "Nobody answered",
    RequestState.INVALIDATED: "No longer possible",
}


def tell_approvers(request: AccessRequest) -> None:
    """Everybody who may answer is told once, in whatever number of steps they are."""
    groups = request.steps.values_list("group", flat=True)
    people = {person.pk: person for members in people_for(groups, request.requester).values() for person in members}
    asked, parts = _asked(request), _parts(request)
    for person in people.values():
        tell(
            person,
            kind="request-waits",
            subject=f"Answer by {_short_end(request)}: {asked}",
            text="\n\n".join([*parts, f"{request.requester.display_name} wrote: “{request.purpose}”"]),
            path=f"/approvals/{request.public_id}",
            dedupe_key=f"request-waits:{request.public_id}",
        )


def _asked(request: AccessRequest) -> str:
    """The whole question: `Ada Okafor asks to pull demo-registry/llm/tiny-llama for 2 h`.

    Where repositories differ in what is asked, `use` says it here, and the text says it of each.
    """
    wanted = {part.operations for part in parse_scope(request.scope).resources}
    doing = " and ".join(operation.verb for operation in Operation if operation in min(wanted, key=len))
    doing = doing if len(wanted) == 1 else "use"
    hours, minutes = divmod(request.lasts_s // 60, 60)
    lasts = " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
    what = describe_scope(request.target.slug, request.scope)
    return f"{request.requester.display_name} asks to {doing} {what} for {lasts or '1 min'}"


def _parts(request: AccessRequest) -> tuple[str, ...]:
    """Every repository of several, with its own operations and its tier."""
    lines = each_of(request.target.slug, request.scope)
    return tuple(f"{line} ({part['tier']})" for line, part in zip(lines, request.payload["resources"], strict=False))


def _short_end(request: AccessRequest) -> str:
    """`13:34 UTC`, with the day when it is not the day of asking."""
    end = request.answer_by.astimezone(UTC)
    is_today = end.date() == request.created_at.astimezone(UTC).date()
    return f"{end:%H:%M} UTC" if is_today else f"{end.day} {end:%b %H:%M} UTC"


def tell_requester(request: AccessRequest) -> None:
    """What became of a request."""
    outcome = _OUTCOMES.get(RequestState(request.state))
    if outcome is None:
        return
    tell(
        request.requester,
        kind=f"request-{request.state}",
        subject=f"{outcome}: {describe_scope(request.target.slug, request.scope)}",
        text="\n\n".join([explain(Reason(request.end_reason)), *narrowing_lines(request), *_parts(request)]),
        path=f"/requests/{request.public_id}",
        dedupe_key=f"request-outcome:{request.public_id}",
    )

"""What people are told about requests. Never decisive: it is written beside the change and delivered later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from jit_access.access_requests.away import PRESENT
from jit_access.access_requests.less import narrowing_lines
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.people import StepState, step_states
from jit_access.access_requests.voices import people_for, refused_people
from jit_access.accounts.models import User
from jit_access.accounts.selectors import members_of
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.roles import OPERATORS
from jit_access.domain.scopes import parse_scope
from jit_access.grants.news import describe_scope, each_of
from jit_access.notifications.routes import routes_of
from jit_access.notifications.services import tell

_OUTCOMES = {
    RequestState.APPROVED: "Approved",
    RequestState.DENIED: "Denied",
    RequestState.EXPIRED: "Nobody answered",
    RequestState.INVALIDATED: "No longer possible",
}


def tell_approvers(request: AccessRequest) -> None:
    """Everybody who may answer now is told once, in whatever number of steps they are. Later stages are told later.

    Who is away is not, unless nobody else would hear of it; who stands in for somebody is.
    """
    states = _asked_now(request)
    people = {reader.pk: (reader, absent) for state in states for reader, absent in _readers(state, request)}
    stage = max((state.stage for state in states), default=1)
    asked, parts = asked_for(request), _parts(request)
    for person, absent in people.values():
        lines = [*parts, f"{request.requester.display_name} wrote: “{request.purpose}”"]
        tell(
            person,
            kind="request-waits",
            subject=f"Answer by {_short_end(request)}: {asked}",
            text="\n\n".join([*lines, *([f"You answer for {absent.display_name}."] if absent else [])]),
            path=f"/approvals/{request.public_id}",
            dedupe_key=f"request-waits:{request.public_id}" + (f":stage-{stage}" if stage > 1 else ""),
        )


def _readers(state: StepState, request: AccessRequest) -> list[tuple[User, User | None]]:
    """Who is told of one step, each with the person for whom they stand in."""
    standing = {person.pk: state.standings.get(person.pk, PRESENT) for person in state.people}
    asking = refused_people(request.requester)
    there: list[tuple[User, User | None]] = [(one, None) for one in state.people if not standing[one.pk].away_until]
    lent = [(standing[one.pk].stand_in, one) for one in state.people]
    there += [(reader, absent) for reader, absent in lent if reader is not None and reader.pk not in asking]
    own = {reader.pk for reader, absent in there if absent is None}
    told = [(reader, absent) for reader, absent in there if absent is None or reader.pk not in own]
    return told or [(one, None) for one in state.people]


def _asked_now(request: AccessRequest) -> list[StepState]:
    return [state for state in step_states(request) if state.is_now and state.open]


def tell_waiting_approvers(request: AccessRequest, *, number: int) -> None:
    """Those whose answer is still missing are reminded."""
    people = {reader.pk: reader for state in _asked_now(request) for reader, _ in _readers(state, request)}
    for person in people.values():
        tell(
            person,
            kind="request-still-waits",
            subject=f"Still waits, answer by {_short_end(request)}: {asked_for(request)}",
            text="Nobody has answered yet." if not request.verdicts.exists() else "One more answer is needed.",
            path=f"/approvals/{request.public_id}",
            dedupe_key=f"request-waits:{request.public_id}:{number}",
        )


def tell_routed(request: AccessRequest) -> None:
    """Those whom the operators want to hear of requests here, beside those who may answer."""
    _tell_others(request, routes_of(request.target).first.people, f"Asked: {asked_for(request)}", "routed")


def tell_escalation(request: AccessRequest) -> None:
    """Nobody answered for long: the target's second list hears of it."""
    subject = f"Nobody answers, by {_short_end(request)}: {asked_for(request)}"
    _tell_others(request, routes_of(request.target).escalation.people, subject, "escalated")


def _tell_others(request: AccessRequest, people: Iterable[User], subject: str, why: str) -> None:
    """Hearing of a request opens nothing, so only those who may see its page get its address."""
    groups = [step.group for step in request.steps.all()]
    asked = {one.pk for members in people_for(groups, request.requester, request.target).values() for one in members}
    for person in people:
        if person.pk in asked and why == "routed":
            continue  # told already, as somebody who may answer
        tell(
            person,
            kind=f"request-{why}",
            subject=subject,
            text=f"{' and '.join(groups)} can answer until {_short_end(request)}.\n\n"
            "You are told because the operators of this target named you.",
            path=f"/approvals/{request.public_id}" if person.pk in asked else "",
            dedupe_key=f"request-{why}:{request.public_id}",
        )


def asked_for(request: AccessRequest) -> str:
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


def _with_the_rest(request: AccessRequest) -> tuple[str, ...]:
    """What it means for what was asked together with it, which is not told one by one."""
    is_end = request.state != RequestState.APPROVED and request.end_reason != Reason.BUNDLE_ENDED
    if request.bundle is None or not request.bundle.is_all_or_nothing or not is_end:
        return ()
    return ("It was asked as all or nothing, so nothing of what was asked with it is granted either.",)


def tell_stuck(request: AccessRequest) -> None:
    """Nobody is left who could answer: whoever waits should know, and so should those who can mend it."""
    readers = {request.requester.pk: request.requester} | {one.pk: one for one in members_of(OPERATORS)}
    for reader in readers.values():
        tell(
            reader,
            kind="request-stuck",
            subject=f"Nobody can answer: {asked_for(request)}",
            text="Too few people are left who could approve this. It goes on when somebody joins them, until "
            f"{_short_end(request)}.",
            path=f"/requests/{request.public_id}",
            dedupe_key=f"request-stuck:{request.public_id}",
        )


def tell_requester(request: AccessRequest) -> None:
    """What became of a request."""
    outcome = _OUTCOMES.get(RequestState(request.state))
    if outcome is None:
        return
    tell(
        request.requester,
        kind=f"request-{request.state}",
        subject=f"{outcome}: {describe_scope(request.target.slug, request.scope)}",
        text="\n\n".join(
            [explain(Reason(request.end_reason)), *_with_the_rest(request), *narrowing_lines(request), *_parts(request)]
        ),
        path=f"/requests/{request.public_id}",
        dedupe_key=f"request-outcome:{request.public_id}",
    )

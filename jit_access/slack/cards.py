"""What a card says. Every fact is from the stored payload or a row of ours; the words are the UI guide's, section 9."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from jit_access.access_requests import selectors
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.access_requests.people import StepState, step_states
from jit_access.access_requests.services.chat import may_approve_in_chat
from jit_access.core import clock
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import ResourceScope, Scope, parse_scope
from jit_access.policies.asked import MANAGER, TARGET_OWNER, group_of
from jit_access.slack import blocks
from jit_access.slack.blocks import Block, escape, say
from jit_access.slack.models import Card

QUOTE_CHARS: Final = 300
MAX_PARTS: Final = 5
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def draw(card: Card) -> dict[str, Any]:
    """The message as it should be now: the question with its buttons, or one line once it is over."""
    request = AccessRequest.objects.select_related(
        "requester", "requester__owner", "target", "policy_version", "extends"
    ).get(pk=card.request_id)
    mark = {"event_type": "jit_access_card", "event_payload": {"card": card.public_id, "request": request.public_id}}
    is_open = request.state == RequestState.PENDING
    return {**(_draw_question(request, clock.now()) if is_open else _draw_end(request)), "metadata": mark}


def _draw_question(request: AccessRequest, now: datetime) -> dict[str, Any]:
    scope, payload = parse_scope(request.scope), request.payload
    name, asked = payload["requester"]["name"], _asked(scope)
    where = _resource(request, scope)
    lasts = _span(request.lasts_s)
    lines = [
        blocks.line(
            say(name, bold=True), say(f" asks to {asked} "), say(where, code=True), say(" for "), say(lasts, bold=True)
        ),
        blocks.quote(request.purpose, QUOTE_CHARS),
        *_parts(request, scope),
        blocks.line(say(_risk(request))),
        blocks.facts(_facts(request, step_states(request), now)),
    ]
    if progress := _progress(request):
        lines.append(blocks.line(say(progress)))
    lines.append({"type": "actions", "block_id": f"answer:{request.public_id}", "elements": _buttons(request)})
    # What a phone shows before it is opened. Names of ours alone; no word that the requester wrote.
    fallback = f"{escape(name)} asks to {asked} {escape(where)} for {lasts}"
    return {"text": fallback, "blocks": lines}


def _draw_end(request: AccessRequest) -> dict[str, Any]:
    """One line, no button."""
    said = f"{_outcome(request)}: {request.payload['requester']['name']}, {_asked(parse_scope(request.scope))} "
    where = _resource(request, parse_scope(request.scope))
    return {"text": escape(f"{said}{where}"), "blocks": [blocks.line(say(said), say(where, code=True))]}


def _outcome(request: AccessRequest) -> str:
    at = f" {request.decided_at:%H:%M} UTC" if request.decided_at else ""
    who = " and ".join(selectors.decided_by(request))
    match RequestState(request.state):
        case RequestState.APPROVED:
            return f"Approved{f' by {who}' if who else ''}{at}"
        case RequestState.DENIED:
            return f"Denied{f' by {who}' if who else ''}{at}"
        case RequestState.WITHDRAWN:
            return f"Withdrawn{at}"
        case RequestState.EXPIRED:
            return f"Nobody answered in time, ended{at}"
        case _:
            reason = explain(Reason(request.end_reason)) if request.end_reason else ""
            return f"Ended{at}. {reason}".strip()


def _progress(request: AccessRequest) -> str:
    """`Approved by Ben 13:06 UTC, security decides next`."""
    given: list[Verdict] = [verdict for state in step_states(request) for verdict in state.given]
    if not given:
        return ""
    last = max(given, key=lambda verdict: verdict.created_at)
    names = " and ".join(verdict.approver.display_name for verdict in sorted(given, key=lambda one: one.pk))
    left = " and ".join(_who(state.group) for state in step_states(request) if state.open and state.is_now)
    return f"Approved by {names} {last.created_at:%H:%M} UTC{f', {left} decides next' if left else ''}"


def _buttons(request: AccessRequest) -> list[Block]:
    value = f"{request.public_id}:{request.payload_hash}"
    review = f"{settings.PUBLIC_URL}/approvals/{request.public_id}"
    found = [blocks.link_button("Review", review, action="review", is_primary=True)]
    with transaction.atomic():  # what is asked of policy again may lock the grant that is to be extended
        is_open = may_approve_in_chat(request)
    if is_open:
        found.append(blocks.button(f"Approve for {_span(request.lasts_s)}", value, action="approve"))
    return [*found, blocks.button("Deny", value, action="deny", style="danger")]


def _facts(request: AccessRequest, states: tuple[StepState, ...], now: datetime) -> list[tuple[str, str]]:
    payload = request.payload
    parts = payload["resources"]
    heaviest = max((Tier(part["tier"]) for part in parts), key=tuple(Tier).index)
    left = request.answer_by - now
    found = [
        ("Target", escape(request.target.slug)),
        ("Tier", heaviest.value.capitalize()),
        ("Answer by", f"{blocks.moment(request.answer_by)}, {_span(max(left, timedelta()).total_seconds())} left"),
        ("Also needed", escape(_needed(states))),
    ]
    known = [part["size_bytes"] for part in parts if part["size_bytes"] >= 0]
    if known:
        found.append(("Size", _size(sum(known)) + ("" if len(known) == len(parts) else " and more")))
    if digests := [digest for part in parts for digest in part.get("digests", ())]:
        more = f" and {len(digests) - 1} more" if digests[1:] else ""
        found.append(("Digest", escape(f"{digests[0][:19]}…{more}")))
    elif tags := [tag for part in parts for tag in part.get("tags", ())]:
        found.append(("Only", escape(", ".join(tags[:5]))))
    if request.ticket:
        found.append(("Ticket", escape(request.ticket)))
    return found


def _needed(states: tuple[StepState, ...]) -> str:
    """`1 of model-owners, 1 of security (Dora agreed)`."""
    said = []
    for state in states:
        names = ", ".join(verdict.approver.display_name for verdict in state.given)
        said.append(f"{state.needed} of {_who(state.group)}" + (f" ({names} agreed)" if names else ""))
    return ", ".join(said)


def _who(word: str) -> str:
    return {MANAGER: "the manager", TARGET_OWNER: "the target's owners"}.get(word) or group_of(word) or word


def _risk(request: AccessRequest) -> str:
    """`Elevated risk 62: whole model; first use in 90 days`."""
    word = "High" if request.risk >= 80 else "Elevated" if request.risk >= 40 else "Low"
    why = "; ".join(str(item.get("sentence", "")).rstrip(".") for item in request.risk_reasons[:4])
    return f"{word} risk {request.risk}" + (f": {why}" if why else "")


def _parts(request: AccessRequest, scope: Scope) -> list[Block]:
    """Every repository of several, in a line of its own."""
    if len(scope.resources) == 1:
        return []
    found = [
        blocks.line(say(f"{_verbs(part)} "), say(f"{request.target.slug}/{part.repository}", code=True))
        for part in scope.resources[:MAX_PARTS]
    ]
    more = len(scope.resources) - MAX_PARTS
    return [*found, blocks.line(say(f"and {more} more: review it"))] if more > 0 else found


def _resource(request: AccessRequest, scope: Scope) -> str:
    first = scope.resources[0].repository
    slug = request.target.slug
    return f"{slug}/{first}" if len(scope.resources) == 1 else f"{len(scope.resources)} repositories at {slug}"


def _asked(scope: Scope) -> str:
    every = {part.operations for part in scope.resources}
    return _verbs(scope.resources[0]) if len(every) == 1 else "use"


def _verbs(part: ResourceScope) -> str:
    return " and ".join(operation.verb for operation in Operation if operation in part.operations)


def _span(seconds: float) -> str:
    hours, minutes = divmod(max(1, int(seconds) // 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def _size(count: int) -> str:
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.3g} {_UNITS[unit]}"

"""What an approver chose of a request, read from an address or from the form that they sign."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from django.http import QueryDict

from jit_access.access_requests import services
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.people import step_states
from jit_access.access_requests.selectors import RequestDetail
from jit_access.access_requests.services import Offer
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict, PolicyRefusal
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope, parse_scope
from jit_access.web.presenters.cases import Case
from jit_access.web.references import MAX_CHARS, read_references
from jit_access.web.viewmodels.parts import Notice

_WORDS = {str(operation): operation for operation in Operation}
MAX_SIGNED_CHARS = 200_000  # twenty repositories with all the references that a scope may hold


@dataclass(frozen=True, slots=True)
class Less:
    """The offer in an address, and the request as it would be; or why it cannot be offered."""

    offer: Offer | None = None
    case: Case | None = None
    problem: Notice | None = None
    status: int = 200


def less_of(actor: User, detail: RequestDetail, sent: QueryDict | None) -> Less:
    """What is offered there, with the payload to sign. Nothing for somebody who may not answer."""
    if sent is None or not detail.may_answer:
        return Less()
    try:
        offer = read_offer(sent, detail.request)
        if offer is None:
            return Less()
        wanted = services.preview_offer(actor=actor, request=detail.request, offer=offer)
    except (CallerError, PolicyRefusal) as error:
        rule = f"Rule {error.rule}." if isinstance(error, PolicyRefusal) and error.rule else ""
        more = f"{rule} Below is what was asked.".strip()
        return Less(problem=Notice(error.sentence, more, "wait", "alert", code=str(error.reason)), status=error.status)
    return Less(offer, Case(wanted, step_states(wanted), detail.verdicts, clock.now()))


def read_offer(sent: QueryDict, request: AccessRequest) -> Offer | None:
    """None where nothing less is offered. Raises: CallerError for what cannot be read."""
    if signed := sent.get("offered", ""):
        return _read_signed(signed)
    if "offer" not in sent:
        return None
    lasts = sent.get("lasts_s", "")
    lasts_s = int(lasts) if lasts.isascii() and lasts.isdecimal() and len(lasts) < 9 else request.lasts_s
    asked = parse_scope(request.scope)
    if sent.get("offer") != "form":
        return Offer(asked, lasts_s)
    kept = _kept(sent.getlist("keep"), asked.resources)
    parts = [_part(sent, index, asked.resources[index], kept[index], request) for index in sorted(kept)]
    if not parts:
        raise CallerError(Reason.INVALID_INPUT, "That leaves nothing. Keep something, or deny the request.")
    return Offer(make_scope(parts), lasts_s)


def offer_text(offer: Offer) -> str:
    """What goes back with the approval of an offer."""
    return json.dumps({"lasts_s": offer.lasts_s, "resources": offer.scope.to_wire()}, separators=(",", ":"))


def _read_signed(text: str) -> Offer:
    try:
        found = json.loads(text) if len(text) <= MAX_SIGNED_CHARS else None
    except (ValueError, RecursionError):
        found = None
    lasts_s = found.get("lasts_s") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(lasts_s, int):
        raise Conflict(Reason.PAYLOAD_CHANGED)
    return Offer(parse_scope(found.get("resources")), lasts_s)


def _kept(values: list[str], parts: tuple[ResourceScope, ...]) -> dict[int, frozenset[Operation]]:
    """`0.pull` keeps the pull of the first repository. What was not asked cannot be chosen."""
    chosen: dict[int, set[Operation]] = defaultdict(set)
    for value in values:
        index, _, word = value.partition(".")
        if index.isascii() and index.isdecimal() and len(index) < 3 and int(index) < len(parts) and word in _WORDS:
            chosen[int(index)].add(_WORDS[word])
    found = {index: frozenset(words) & parts[index].operations for index, words in chosen.items()}
    return {index: operations for index, operations in found.items() if operations}


def _part(
    sent: QueryDict, index: int, asked: ResourceScope, operations: frozenset[Operation], request: AccessRequest
) -> ResourceScope:
    typed = sent.get(f"only-{index}", "")
    if not typed.strip():  # as much of it as was asked
        return ResourceScope(asked.repository, operations, asked.tags, asked.digests, asked.files)
    only = read_references(typed.replace("\r", "")[: MAX_CHARS + 1], request.target.kind, asked.repository)
    return ResourceScope(asked.repository, operations, only.tags, only.digests, only.files)

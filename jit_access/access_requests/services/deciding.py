"""What a decision does, with the request's row locked: the end of the request, and at most one grant."""

from __future__ import annotations

from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.selectors import lock_request
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.transitions import move
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.operations import Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.grants.models import Grant
from jit_access.grants.policy import account_refusal, ways_of
from jit_access.grants.selectors import lock_grant
from jit_access.grants.services import GrantOrder, create_from_request
from jit_access.grants.services.ending import PEACEFUL_ENDS
from jit_access.grants.tickets import ticket_refusal
from jit_access.policies.answers import Approval, PolicyAnswer, Terms, strictest
from jit_access.policies.auto_approval import is_still_waived
from jit_access.policies.questions import Assurance, Phase, Proof, questions_for_scope
from jit_access.policies.services import decide_all

_ENDS = {
    RequestState.DENIED: Change.DECIDED,
    RequestState.WITHDRAWN: Change.WITHDRAWN,
    RequestState.EXPIRED: Change.EXPIRED,
    RequestState.INVALIDATED: Change.INVALIDATED,
}


def approve_locked(request: AccessRequest, answer: PolicyAnswer, reason: Reason, *, actor: ActorRef = GATEWAY) -> Grant:
    """The last agreement: the request is approved and its grant exists, in one transaction."""
    with audited(actor=actor) as audit:
        terms = strictest((answer.terms, pinned_terms(request)))
        move(request, RequestState.APPROVED, decided_at=clock.now(), end_reason=reason)
        audit.record(
            "request.approved",
            reason=reason,
            decision="allow",
            request=request.public_id,
            target=request.target.slug,
            rule=answer.decision.rule,
            detail=_auto_detail(request) | ({"envelope": request.envelope} if request.envelope else {}),
        )
        order = GrantOrder(
            request_id=request.pk,
            subject=request.requester,
            target=request.target,
            scope=parse_scope(request.scope).to_wire(),
            lasts_s=request.lasts_s,
            start_by=request.start_by,
            not_before=request.not_before,
            rule=answer.decision.rule,
            factor_max_age_s=terms.factor_max_age_s,
            staleness=str(terms.staleness),
            byte_budget=terms.byte_budget,
            request_budget=terms.request_budget,
            refused_files=terms.refused_files,
            risk=request.risk,
            extends_id=request.extends_id,
            is_break_glass=request.is_break_glass,
            envelope=request.envelope,
        )
        grant = create_from_request(actor=actor, order=order)
        announce(request, Change.DECIDED)
        return grant


def _auto_detail(request: AccessRequest) -> dict[str, str]:
    """Which rule approved by itself, and the sentence of each condition, as far as a record holds them."""
    found = {entry["rule"]: " ".join(entry["conditions"]) for entry in request.auto_approval}
    return {"auto": "; ".join(f"{rule}: {said}" for rule, said in found.items())[:400]} if found else {}


def end_locked(
    request: AccessRequest, state: RequestState, reason: Reason, *, actor: ActorRef = GATEWAY, note: str = ""
) -> None:
    """End a request without a grant."""
    with audited(actor=actor) as audit:
        move(request, state, decided_at=clock.now(), end_reason=reason)
        audit.record(
            f"request.{state}",
            reason=reason,
            decision="deny" if state in {RequestState.DENIED, RequestState.INVALIDATED} else "",
            request=request.public_id,
            target=request.target.slug,
            detail={"note": note},
        )
        announce(request, _ENDS[state])
        _end_the_others(request)


def _end_the_others(request: AccessRequest) -> None:
    """All or nothing: when one of a bundle ends without a grant, none of it is granted."""
    if request.bundle is None or not request.bundle.is_all_or_nothing:
        return
    # Their bundle is locked, as it was before this one was.
    for other in request.bundle.requests.filter(state=RequestState.PENDING).order_by("pk").values_list("pk", flat=True):
        locked = lock_request(other)
        if locked.state == RequestState.PENDING:
            end_locked(locked, RequestState.INVALIDATED, Reason.BUNDLE_ENDED)


def ask_again_now(request: AccessRequest) -> tuple[PolicyAnswer, Reason | None]:
    """What today's policy and accounts say about a request that was made earlier; why it must not go on, or None."""
    seen = request.payload["requester"]
    age = None if seen["factor_age_s"] < 0 else int(seen["factor_age_s"])
    answer = decide_all(
        questions_for_scope(
            user=request.requester,
            target=request.target,
            scope=parse_scope(request.scope),
            lasts_s=request.lasts_s,
            phase=Phase.REQUEST,
            proof=Proof(Assurance(seen["assurance"]), age),
        )
    )
    return answer, account_refusal(request.requester) or ticket_refusal(request.ticket) or _refusal(request, answer)


def _refusal(request: AccessRequest, answer: PolicyAnswer) -> Reason | None:
    if not answer.is_allowed:
        return answer.reason
    asked = {step.group: step.needed for step in request.steps.all()}
    is_waived = is_still_waived(ways_of(request), answer.terms.auto)
    if not is_waived and any(asked.get(wanted.group, 0) < wanted.needed for wanted in answer.approvals):
        return Reason.POLICY_TIGHTENED
    if request.extends_id is not None:
        # Locked, so that a revocation either is seen here or sees the grant that this makes.
        extended = lock_grant(request.extends_id)
        if extended.end_reason and Reason(extended.end_reason) not in PEACEFUL_ENDS:
            return Reason(extended.end_reason)
        if extended.state == GrantState.SUSPENDED:
            return Reason.GRANT_SUSPENDED
    return None


def pinned_terms(request: AccessRequest) -> Terms:
    """The terms that the approvers were shown."""
    terms = request.payload["terms"]
    return Terms(
        lasts_at_most_s=terms["lasts_at_most_s"],
        approvals=tuple(
            Approval(item["group"], item["needed"], item.get("stage", 1)) for item in request.payload["approvals"]
        ),
        factor_max_age_s=terms["factor_max_age_s"],
        approver_factor_max_age_s=terms["approver_factor_max_age_s"],
        approver_level=Assurance(terms.get("approver_level", Assurance.SECOND_FACTOR)),
        staleness=Staleness(terms["staleness"]),
        byte_budget=terms["byte_budget"],
        # A request that was made before there were any of these has none; today's policy may still add them.
        request_budget=terms.get("request_budget", 0),
        refused_files=tuple(terms.get("refused_files", ())),
        approve_in_chat=terms.get("approve_in_chat", False),
    )

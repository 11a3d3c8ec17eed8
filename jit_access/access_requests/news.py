"""What people are told about requests. Never decisive: it is written beside the change and delivered later."""

from __future__ import annotations

from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.people import people_for
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason, explain
from jit_access.grants.news import describe_scope
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
    for person in people.values():
        tell(
            person,
            kind="request-waits",
            subject=f"{request.requester.display_name} asks for {describe_scope(request.target.slug, request.scope)}",
            text=f"They wrote: {request.purpose}",
            path=f"/approvals/{request.public_id}",
            dedupe_key=f"request-waits:{request.public_id}",
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
        text=explain(Reason(request.end_reason)),
        path=f"/requests/{request.public_id}",
        dedupe_key=f"request-outcome:{request.public_id}",
    )

"""What people are told when an approver offers less: the requester what is gone, the others to read it again."""

from __future__ import annotations

from jit_access.access_requests.less import narrowing_lines
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.grants.news import describe_scope
from jit_access.notifications.services import tell


def tell_narrowed(request: AccessRequest) -> None:
    """To the requester, while others still have to answer."""
    lines = narrowing_lines(request)
    if lines:
        tell(
            request.requester,
            kind="request-narrowed",
            subject=f"Less than you asked: {describe_scope(request.target.slug, request.scope)}",
            text="\n\n".join([*lines, "Others still have to answer. Withdraw it if this is of no use to you."]),
            path=f"/requests/{request.public_id}",
            dedupe_key=f"request-narrowed:{request.payload_hash}",
        )


def tell_asked_again(request: AccessRequest, approver: User) -> None:
    """To somebody who agreed to more before."""
    what = describe_scope(request.target.slug, request.scope)
    tell(
        approver,
        kind="request-asks-again",
        subject=f"Answer again: {request.requester.display_name}'s request for {what} was narrowed",
        text="\n\n".join(
            ["What you approved is not what is asked now, so it does not count.", *narrowing_lines(request)]
        ),
        path=f"/approvals/{request.public_id}",
        dedupe_key=f"request-asks-again:{request.payload_hash}",
    )

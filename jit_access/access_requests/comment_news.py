"""Who is told of a comment: the other side, and whoever took part."""

from __future__ import annotations

from jit_access.access_requests.models import AccessRequest, Comment
from jit_access.access_requests.voices import people_for
from jit_access.accounts.models import User
from jit_access.domain.lifecycle import RequestState
from jit_access.grants.news import describe_scope
from jit_access.notifications.services import tell


def tell_of_comment(comment: Comment, request: AccessRequest) -> None:
    """One message each, never to its author."""
    what = describe_scope(request.target.slug, request.scope)
    for person in _readers(comment, request):
        side = "requests" if person.pk in {request.requester_id, request.requester.owner_id} else "approvals"
        tell(
            person,
            kind="request-comment",
            subject=f"{comment.author.display_name} commented: {what}",
            text=f"{comment.author.display_name} wrote: “{comment.text}”",
            path=f"/{side}/{request.public_id}",
            dedupe_key=f"request-comment:{comment.public_id}",
        )


def _readers(comment: Comment, request: AccessRequest) -> list[User]:
    asking = {request.requester_id, request.requester.owner_id}
    found = {request.requester.pk: request.requester}
    if comment.author_id in asking:
        found = {}
        if request.state == RequestState.PENDING:
            groups = request.steps.values_list("group", flat=True)
            asked = people_for(groups, request.requester, request.target)
            found = {one.pk: one for members in asked.values() for one in members}
    took_part = User.objects.filter(is_active=True).exclude(pk__in=[pk for pk in asking if pk is not None])
    said = [
        *request.comments.values_list("author_id", flat=True),
        *request.verdicts.values_list("approver_id", flat=True),
    ]
    found |= {one.pk: one for one in took_part.filter(pk__in=said)}
    found.pop(comment.author_id, None)
    return list(found.values())

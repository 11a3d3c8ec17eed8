"""From an id to a request, for an actor: the only way. Hidden and unknown look the same."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.selectors import with_related
from jit_access.access_requests.voices import asked_requests, voices_of
from jit_access.accounts.models import User
from jit_access.audit.access import Viewer
from jit_access.domain.errors import NotFound
from jit_access.domain.roles import SEES_EVERYTHING
from jit_access.grants.access import group_names
from jit_access.grants.models import Grant


def get_request(*, actor: User, public_id: str) -> AccessRequest:
    """A request that the actor may see. Raises: NotFound."""
    request = visible_requests(actor=actor).filter(public_id=public_id).first()
    if request is None:
        raise NotFound
    return request


def visible_requests(*, actor: User) -> QuerySet[AccessRequest]:
    """Own ones, those of one's service accounts, what one is asked or answered; all for security and auditors."""
    everything = with_related(AccessRequest.objects.all())
    if not actor.is_active:
        return everything.none()
    groups = group_names(actor)
    if groups & SEES_EVERYTHING:
        return everything
    asked = asked_requests(voices_of(actor, groups))
    answered = AccessRequest.objects.filter(verdicts__approver=actor)
    mine = Q(requester=actor) | Q(requester__owner=actor)
    return everything.filter(mine | Q(pk__in=asked.values("pk")) | Q(pk__in=answered.values("pk")))


def viewer_of(actor: User) -> Viewer:
    """Who reads the log. One's own are the acts of oneself and one's service accounts, and their requests and grants.

    Stands here, not in `audit`: this is the lowest floor that knows people, requests and grants alike.
    """
    return Viewer(
        actor_ids=User.objects.filter(Q(pk=actor.pk) | Q(owner=actor)).values("public_id"),
        can_see_all=actor.is_active and bool(group_names(actor) & SEES_EVERYTHING),
        requests=AccessRequest.objects.filter(Q(requester=actor) | Q(requester__owner=actor)).values("public_id"),
        grants=Grant.objects.filter(Q(subject=actor) | Q(subject__owner=actor)).values("public_id"),
    )

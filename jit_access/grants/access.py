"""From an id to a grant, for an actor: the only way. Hidden and unknown look the same."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from jit_access.accounts.models import User
from jit_access.credentials.models import CredentialLease
from jit_access.domain.errors import NotFound
from jit_access.domain.roles import SECURITY, SEES_EVERYTHING
from jit_access.grants.asked import asked_about
from jit_access.grants.models import Grant
from jit_access.grants.selectors import with_related


def get_grant(*, actor: User, public_id: str) -> Grant:
    """A grant that the actor may see. Raises: NotFound."""
    grant = visible_grants(actor=actor).filter(public_id=public_id).first()
    if grant is None:
        raise NotFound
    return grant


def get_lease(*, actor: User, public_id: str) -> CredentialLease:
    """A token of a grant that the actor may see. What they may do with it is for the service. Raises: NotFound."""
    lease = CredentialLease.objects.filter(public_id=public_id).select_related("grant", "holder").first()
    if lease is None or not visible_grants(actor=actor).filter(pk=lease.grant_id).exists():
        raise NotFound
    return lease


def visible_grants(*, actor: User) -> QuerySet[Grant]:
    """Own grants, those of one's service accounts, those one may answer for; all of them for security and auditors."""
    everything = with_related(Grant.objects.all())
    if not actor.is_active:
        return everything.none()
    groups = group_names(actor)
    if groups & SEES_EVERYTHING:
        return everything
    asked = Grant.objects.filter(asked_about(actor, groups, of="request__"))
    return everything.filter(Q(subject=actor) | Q(subject__owner=actor) | Q(pk__in=asked.values("pk")))


def may_revoke(actor: User, grant: Grant, *, security_only: bool = False) -> bool:
    """Security may end anything; whoever may answer such a request may end what came of it. Agents may not."""
    if not actor.is_active or not actor.is_person:
        return False
    groups = group_names(actor)
    if SECURITY in groups:
        return True
    if security_only:
        return False
    return Grant.objects.filter(asked_about(actor, groups, of="request__"), pk=grant.pk).exists()


def group_names(actor: User) -> frozenset[str]:
    """The groups of an account as they are now."""
    return frozenset(actor.groups.values_list("name", flat=True))

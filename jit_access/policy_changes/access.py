"""From an id to a proposal, for those who may read it: security and auditors, and whoever proposed it."""

from __future__ import annotations

from django.db.models import QuerySet

from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.domain.errors import NotFound
from jit_access.domain.roles import SEES_EVERYTHING
from jit_access.policy_changes.models import PolicyProposal


def visible_proposals(actor: User) -> QuerySet[PolicyProposal]:
    """Newest first; none for anybody else, since rules may name what not everybody may know."""
    rows = PolicyProposal.objects.select_related("version_row", "proposer").order_by("-pk")
    if not actor.is_active:
        return rows.none()
    if groups_of(actor) & SEES_EVERYTHING and actor.is_person:
        return rows
    return rows.filter(proposer=actor)


def get_proposal(actor: User, public_id: str) -> PolicyProposal:
    """Raises: NotFound."""
    row = visible_proposals(actor).filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row

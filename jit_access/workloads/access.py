"""From ids to agents, trusts and issuers, for somebody who asks. Unknown and hidden look the same."""

from __future__ import annotations

from jit_access.accounts.models import AccountKind, User
from jit_access.accounts.selectors import is_in
from jit_access.domain.errors import NotFound
from jit_access.domain.roles import AUDITORS, OPERATORS, SECURITY
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust


def may_manage_issuers(actor: User) -> bool:
    """Operators, and people only: who names an issuer says whose word counts here."""
    return actor.is_person and is_in(actor, OPERATORS)


def may_see_issuers(actor: User) -> bool:
    """Those who look after them or confirm what rests on them, and whoever answers for an agent."""
    if not actor.is_person or not actor.is_active:
        return False
    return is_in(actor, OPERATORS, SECURITY, AUDITORS) or actor.service_accounts.exists()


def may_confirm(actor: User, trust: WorkloadTrust) -> bool:
    """Somebody of operators or security who neither proposed it nor answers for the agent."""
    if not actor.is_person or not is_in(actor, OPERATORS, SECURITY):
        return False
    return actor.pk not in {trust.proposed_by_id, trust.agent.owner_id}


def may_revoke(actor: User, trust: WorkloadTrust) -> bool:
    """Whoever answers for the agent, and whoever could have confirmed it."""
    if not actor.is_person or not actor.is_active:
        return False
    return actor.pk == trust.agent.owner_id or is_in(actor, OPERATORS, SECURITY)


def get_agent(*, actor: User, public_id: str) -> User:
    """A service account whose identities the actor may see: its owner, operators, security, auditors.

    Raises: NotFound.
    """
    rows = User.objects.select_related("owner").filter(kind=AccountKind.SERVICE)
    agent = rows.filter(public_id=public_id).first()
    if agent is None or not actor.is_person or not actor.is_active:
        raise NotFound
    if agent.owner_id != actor.pk and not is_in(actor, OPERATORS, SECURITY, AUDITORS):
        raise NotFound
    return agent


def get_trust(*, actor: User, agent_id: str, public_id: str) -> WorkloadTrust:
    """A trust in a workload of an agent that the actor may see. Raises: NotFound."""
    agent = get_agent(actor=actor, public_id=agent_id)
    rows = WorkloadTrust.objects.select_related("agent__owner", "issuer", "proposed_by", "confirmed_by")
    trust = rows.filter(agent=agent, public_id=public_id).first()
    if trust is None:
        raise NotFound
    return trust


def get_issuer(*, actor: User, public_id: str) -> TrustedIssuer:
    """An issuer that the actor may see. Raises: NotFound."""
    issuer = TrustedIssuer.objects.filter(public_id=public_id).first()
    if issuer is None or not may_see_issuers(actor):
        raise NotFound
    return issuer

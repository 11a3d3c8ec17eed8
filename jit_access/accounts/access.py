"""From a public id to an account or token, for somebody who asks. Unknown and hidden look the same."""

from __future__ import annotations

from jit_access.accounts.models import AccountKind, AgentHandover, ApiToken, User
from jit_access.accounts.selectors import is_in, offers_to, open_offer_of
from jit_access.core import clock
from jit_access.domain.errors import NotFound
from jit_access.domain.roles import AUDITORS, SECURITY


def get_account(actor: User, public_id: str) -> User:
    """Oneself, one's service accounts, and for security and auditors everybody. Raises: NotFound."""
    account = User.objects.select_related("owner").filter(public_id=public_id).first()
    if account is None:
        raise NotFound
    if account.pk == actor.pk:
        return account
    if account.owner_id == actor.pk:
        return account
    if is_in(actor, SECURITY, AUDITORS):
        return account
    raise NotFound


def get_agent(actor: User, public_id: str) -> User:
    """One's own service account, locked or not: what it may do is its owner's to answer for. Raises: NotFound."""
    agent = actor.service_accounts.filter(public_id=public_id).first()
    if agent is None:
        raise NotFound
    return agent


def see_agent(actor: User, public_id: str) -> User:
    """For its owner, whom it is offered to, security and auditors. Raises: NotFound."""
    agent = User.objects.select_related("owner").filter(public_id=public_id, kind=AccountKind.SERVICE).first()
    if agent is None or not actor.is_person:
        raise NotFound
    if agent.owner_id == actor.pk:
        return agent
    if offers_to(actor, now=clock.now()).filter(agent=agent).exists():
        return agent
    if is_in(actor, SECURITY, AUDITORS):
        return agent
    raise NotFound


def get_offer(actor: User, agent: User) -> AgentHandover:
    """The open offer of an agent that one may know. What one may do with it is for the service. Raises: NotFound."""
    offer = open_offer_of(agent, now=clock.now())
    if offer is None or not actor.is_person:
        raise NotFound
    return offer


def get_token(actor: User, public_id: str) -> ApiToken:
    """One's own tokens, those of one's service accounts, and for security all of them. Raises: NotFound."""
    token = ApiToken.objects.select_related("user").filter(public_id=public_id).first()
    if token is None:
        raise NotFound
    if token.user_id == actor.pk:
        return token
    if token.user.owner_id == actor.pk:
        return token
    if is_in(actor, SECURITY):
        return token
    raise NotFound

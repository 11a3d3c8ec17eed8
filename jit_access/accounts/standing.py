"""Whether an account may act at all. Every door asks here, so that none of them forgets an agent without an owner."""

from __future__ import annotations

from jit_access.accounts.models import StoppedBecause, User
from jit_access.domain.agents import AgentState
from jit_access.domain.reasons import Reason

_REASONS = {
    StoppedBecause.BY_OWNER: Reason.AGENT_SUSPENDED,
    StoppedBecause.OWNER_GONE: Reason.AGENT_WITHOUT_OWNER,
    StoppedBecause.RETIRED: Reason.AGENT_RETIRED,
}
# What a client is told with 403: it is not the token that is wrong.
STOPPED = frozenset({Reason.ACCOUNT_LOCKED, *_REASONS.values()})

_STATES = {
    None: AgentState.WORKS,
    Reason.ACCOUNT_LOCKED: AgentState.LOCKED,
    Reason.AGENT_SUSPENDED: AgentState.SUSPENDED,
    Reason.AGENT_WITHOUT_OWNER: AgentState.WITHOUT_OWNER,
    Reason.AGENT_RETIRED: AgentState.RETIRED,
}


def state_of(agent: User) -> AgentState:
    """The same as `why_stopped`, as a state."""
    return _STATES[why_stopped(agent)]


def why_stopped(account: User) -> Reason | None:
    """None while this account may act. A service account acts only while somebody answers for it."""
    if not account.is_active:
        stopped = account.stopped_because
        return _REASONS[StoppedBecause(stopped)] if stopped else Reason.ACCOUNT_LOCKED
    if account.owner is not None and not account.owner.is_active:
        return Reason.AGENT_WITHOUT_OWNER
    return None

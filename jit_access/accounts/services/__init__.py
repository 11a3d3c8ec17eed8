"""Every write to accounts, groups and API tokens."""

from __future__ import annotations

from jit_access.accounts.services.agents import (
    AgentOrder,
    check_may_make,
    describe_agent,
    groups_to_give,
    make_agent,
    may_own_agents,
    resume_agent,
    retire_agent,
    suspend_agent,
)
from jit_access.accounts.services.handovers import (
    accept_agent,
    decline_agent,
    may_offer,
    offer_agent,
    withdraw_offer,
)
from jit_access.accounts.services.membership import (
    add_to_group,
    lock_account,
    remove_from_group,
    set_manager,
    unlock_account,
)
from jit_access.accounts.services.people import (
    change_password,
    create_person,
    create_person_without_password,
    create_service_account,
    end_sessions,
    set_theme,
)
from jit_access.accounts.services.profile import change_profile
from jit_access.accounts.services.rotation import Collected, collect_next
from jit_access.accounts.services.tokens import (
    LONGEST_TOKEN,
    IssuedToken,
    Rotation,
    TokenLimits,
    issue_api_token,
    revoke_api_token,
)

__all__ = [
    "LONGEST_TOKEN",
    "AgentOrder",
    "Collected",
    "IssuedToken",
    "Rotation",
    "TokenLimits",
    "accept_agent",
    "add_to_group",
    "change_password",
    "change_profile",
    "check_may_make",
    "collect_next",
    "create_person",
    "create_person_without_password",
    "create_service_account",
    "decline_agent",
    "describe_agent",
    "end_sessions",
    "groups_to_give",
    "issue_api_token",
    "lock_account",
    "make_agent",
    "may_offer",
    "may_own_agents",
    "offer_agent",
    "remove_from_group",
    "resume_agent",
    "retire_agent",
    "revoke_api_token",
    "set_manager",
    "set_theme",
    "suspend_agent",
    "unlock_account",
    "withdraw_offer",
]

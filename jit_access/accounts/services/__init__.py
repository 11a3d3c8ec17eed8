"""Every write to accounts, groups and API tokens."""

from __future__ import annotations

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
from jit_access.accounts.services.tokens import (
    LONGEST_TOKEN,
    IssuedToken,
    issue_api_token,
    note_token_use,
    revoke_api_token,
)

__all__ = [
    "LONGEST_TOKEN",
    "IssuedToken",
    "add_to_group",
    "change_password",
    "change_profile",
    "create_person",
    "create_person_without_password",
    "create_service_account",
    "end_sessions",
    "issue_api_token",
    "lock_account",
    "note_token_use",
    "remove_from_group",
    "revoke_api_token",
    "set_manager",
    "set_theme",
    "unlock_account",
]

"""Every write to a grant. One module per part of its life; this is the door that other rooms use."""

from __future__ import annotations

from jit_access.grants.services.ending import (
    end_under_envelope,
    relinquish_grant,
    resume_grant,
    revoke_by_gateway,
    revoke_grant,
    suspend_grant,
)
from jit_access.grants.services.expiring import expire_due_grants
from jit_access.grants.services.finishing import due_revocations, finish_revocation
from jit_access.grants.services.locking import grants_under, lift_lock, place_lock, settle_locks
from jit_access.grants.services.opening import GrantOrder, activate_grant, create_from_request
from jit_access.grants.services.reevaluation import reevaluate_grant, reevaluate_live_grants, reevaluate_subject
from jit_access.grants.services.session_views import compose_view
from jit_access.grants.services.tokens import (
    collect_rotated_token,
    issue_token,
    revoke_token,
    rotate_due_leases,
    rotate_token,
)

__all__ = [
    "GrantOrder",
    "activate_grant",
    "collect_rotated_token",
    "compose_view",
    "create_from_request",
    "due_revocations",
    "end_under_envelope",
    "expire_due_grants",
    "finish_revocation",
    "grants_under",
    "issue_token",
    "lift_lock",
    "place_lock",
    "reevaluate_grant",
    "reevaluate_live_grants",
    "reevaluate_subject",
    "relinquish_grant",
    "resume_grant",
    "revoke_by_gateway",
    "revoke_grant",
    "revoke_token",
    "rotate_due_leases",
    "rotate_token",
    "settle_locks",
    "suspend_grant",
]

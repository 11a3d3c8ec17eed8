"""Every legal move of every stateful thing, as data.

A service moves state only through `core.transitions.move`, which checks this table and then updates the row
conditionally on its old state and version. The database holds the closed set of states as a check constraint.
"""

from __future__ import annotations

from enum import StrEnum


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"


class GrantState(StrEnum):
    SCHEDULED = "scheduled"
    ACTIVATING = "activating"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKING = "revoking"
    REVOKE_FAILED = "revoke_failed"
    ACTIVATION_FAILED = "activation_failed"
    ENDED = "ended"


class LeaseState(StrEnum):
    INTENT = "intent"
    ISSUED = "issued"
    ROTATED = "rotated"
    REVOKING = "revoking"
    REVOKE_FAILED = "revoke_failed"
    REVOKED = "revoked"
    EXPIRED = "expired"


class ProposalState(StrEnum):
    """Of a change of policy."""

    PROPOSED = "proposed"
    ACTIVATED = "activated"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class TrustState(StrEnum):
    """Of the trust in a workload. That its time is over is no state but a comparison."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    REVOKED = "revoked"


class CampaignState(StrEnum):
    """Of a review of who may do what."""

    OPEN = "open"
    CLOSED = "closed"


class EnvelopeState(StrEnum):
    """Of what an agent may have without asking people again."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"  # until its review is signed
    DENIED = "denied"
    REVOKED = "revoked"
    EXPIRED = "expired"


_R, _G, _L, _P = RequestState, GrantState, LeaseState, ProposalState

REQUEST_MOVES: frozenset[tuple[RequestState, RequestState]] = frozenset(
    (_R.PENDING, end) for end in (_R.APPROVED, _R.DENIED, _R.WITHDRAWN, _R.EXPIRED, _R.INVALIDATED)
)
# Revoking is legal from every state in which access exists or may come into existence (Glide stops the only
# timer when a revoke lands during activation; Google PAM refuses it). revoke_failed is never terminal.
GRANT_MOVES: frozenset[tuple[GrantState, GrantState]] = frozenset(
    {
        (_G.SCHEDULED, _G.ACTIVATING),
        (_G.SCHEDULED, _G.ENDED),
        (_G.ACTIVATING, _G.ACTIVE),
        (_G.ACTIVATING, _G.ACTIVATION_FAILED),
        (_G.ACTIVATING, _G.REVOKING),
        (_G.ACTIVE, _G.SUSPENDED),
        (_G.SUSPENDED, _G.ACTIVE),
        (_G.ACTIVE, _G.REVOKING),
        (_G.SUSPENDED, _G.REVOKING),
        (_G.REVOKING, _G.ENDED),
        (_G.REVOKING, _G.REVOKE_FAILED),
        (_G.REVOKE_FAILED, _G.REVOKING),
        (_G.REVOKE_FAILED, _G.ENDED),
    }
)
LEASE_MOVES: frozenset[tuple[LeaseState, LeaseState]] = frozenset(
    {
        (_L.INTENT, _L.ISSUED),
        (_L.INTENT, _L.REVOKING),
        (_L.ISSUED, _L.ROTATED),
        (_L.ISSUED, _L.REVOKING),
        (_L.ISSUED, _L.EXPIRED),
        (_L.ROTATED, _L.REVOKING),
        (_L.ROTATED, _L.EXPIRED),
        (_L.REVOKING, _L.REVOKED),
        (_L.REVOKING, _L.REVOKE_FAILED),
        (_L.REVOKE_FAILED, _L.REVOKING),
        (_L.REVOKE_FAILED, _L.REVOKED),
    }
)

PROPOSAL_MOVES: frozenset[tuple[ProposalState, ProposalState]] = frozenset(
    (_P.PROPOSED, end) for end in (_P.ACTIVATED, _P.WITHDRAWN, _P.EXPIRED)
)

TRUST_MOVES: frozenset[tuple[TrustState, TrustState]] = frozenset(
    {
        (TrustState.PROPOSED, TrustState.ACTIVE),
        (TrustState.PROPOSED, TrustState.REVOKED),
        (TrustState.ACTIVE, TrustState.REVOKED),
    }
)

_E = EnvelopeState
# Nothing leads out of an end: who wants it again proposes again, and people sign again.
ENVELOPE_MOVES: frozenset[tuple[EnvelopeState, EnvelopeState]] = frozenset(
    {
        (_E.PROPOSED, _E.ACTIVE),
        (_E.PROPOSED, _E.DENIED),
        (_E.PROPOSED, _E.REVOKED),
        (_E.PROPOSED, _E.EXPIRED),
        (_E.ACTIVE, _E.SUSPENDED),
        (_E.SUSPENDED, _E.ACTIVE),
        (_E.ACTIVE, _E.REVOKED),
        (_E.SUSPENDED, _E.REVOKED),
        (_E.ACTIVE, _E.EXPIRED),
        (_E.SUSPENDED, _E.EXPIRED),
    }
)

CAMPAIGN_MOVES: frozenset[tuple[CampaignState, CampaignState]] = frozenset({(CampaignState.OPEN, CampaignState.CLOSED)})

LIVE_GRANT_STATES = frozenset({_G.SCHEDULED, _G.ACTIVATING, _G.ACTIVE, _G.SUSPENDED, _G.REVOKING, _G.REVOKE_FAILED})
LIVE_LEASE_STATES = frozenset({_L.ISSUED, _L.ROTATED})

_TABLES: dict[type[StrEnum], frozenset[tuple[StrEnum, StrEnum]]] = {
    RequestState: frozenset(REQUEST_MOVES),
    GrantState: frozenset(GRANT_MOVES),
    LeaseState: frozenset(LEASE_MOVES),
    ProposalState: frozenset(PROPOSAL_MOVES),
    TrustState: frozenset(TRUST_MOVES),
    CampaignState: frozenset(CAMPAIGN_MOVES),
    EnvelopeState: frozenset(ENVELOPE_MOVES),
}


def is_legal(old: StrEnum, new: StrEnum) -> bool:
    """True when the table allows this move. Unknown kinds of state are never legal."""
    return type(old) is type(new) and (old, new) in _TABLES.get(type(old), frozenset())

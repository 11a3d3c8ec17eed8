"""Every write to an envelope. One module per part of its life; this is the door that other rooms use."""

from __future__ import annotations

from jit_access.envelopes.services.ending import (
    end_for_workload,
    revoke_envelope,
    stop_envelopes_of,
    suspend_envelope,
    suspend_envelopes_of,
)
from jit_access.envelopes.services.proposing import Asked, preview_envelope, propose_envelope
from jit_access.envelopes.services.signing import SIGN_FACTOR_MAX_AGE_S, Word, sign_envelope
from jit_access.envelopes.services.sweeping import sweep_envelopes

__all__ = [
    "SIGN_FACTOR_MAX_AGE_S",
    "Asked",
    "Word",
    "end_for_workload",
    "preview_envelope",
    "propose_envelope",
    "revoke_envelope",
    "sign_envelope",
    "stop_envelopes_of",
    "suspend_envelope",
    "suspend_envelopes_of",
    "sweep_envelopes",
]

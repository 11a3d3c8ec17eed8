"""Whether an envelope stands, asked anew at each use: of a request, of a start, and of what already runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from jit_access.core import clock
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.envelopes.models import Envelope, EnvelopeUse
from jit_access.envelopes.payloads import is_signed_as_it_is
from jit_access.envelopes.people import signed_by_word
from jit_access.grants.agreed_beforehand import Agreed
from jit_access.grants.models import Grant
from jit_access.policies.questions import Phase
from jit_access.workloads.models import WorkloadTrust
from jit_access.workloads.selectors import fault_of

_OVER = {
    EnvelopeState.PROPOSED: Reason.ENVELOPE_ENDED,
    EnvelopeState.DENIED: Reason.ENVELOPE_ENDED,
    EnvelopeState.REVOKED: Reason.ENVELOPE_REVOKED,
    EnvelopeState.EXPIRED: Reason.ENVELOPE_EXPIRED,
    EnvelopeState.SUSPENDED: Reason.ENVELOPE_SUSPENDED,
}


def refusal_of(envelope: Envelope, now: datetime) -> Reason | None:
    """None while it stands. Its end and its review are compared with the clock here, whatever is written down."""
    if (over := _OVER.get(EnvelopeState(envelope.state))) is not None:
        return over
    if now >= envelope.expires_at:
        return Reason.ENVELOPE_EXPIRED
    if now >= envelope.review_by:
        return Reason.ENVELOPE_UNREVIEWED
    if envelope.agent.owner_id != envelope.proposer_id:  # another owner has people look at it first
        return Reason.ENVELOPE_SUSPENDED
    return None if is_signed_as_it_is(envelope) else Reason.ENVELOPE_ENDED


def agreed_in_envelope(grant: Grant, phase: Phase) -> Agreed:
    """What stands behind a grant that was opened inside an envelope. Provider of `grants.agreed_beforehand`."""
    rows = Envelope.objects.select_related("agent", "target")
    envelope = rows.filter(public_id=grant.envelope, agent=grant.subject_id, target=grant.target_id).first()
    if envelope is None:
        return Agreed(refusal=Reason.ENVELOPE_ENDED)
    now = clock.now()
    if (refusal := refusal_of(envelope, now)) is not None:
        return Agreed(refusal=refusal)
    if not parse_scope(grant.scope).is_within(envelope.asked):
        return Agreed(refusal=Reason.OUTSIDE_ENVELOPE)
    if phase is Phase.ACTIVATE and not _may_start(grant, envelope, now):
        return Agreed(refusal=Reason.OUTSIDE_ENVELOPE)
    if envelope.workloads and _is_workload_over(grant, now):
        return Agreed(refusal=Reason.TRUST_ENDED)
    return Agreed(given=signed_by_word(envelope), workloads=frozenset(envelope.workloads))


def _is_workload_over(grant: Grant, now: datetime) -> bool:
    """The identity that asked for a pinned grant has to count for as long as the grant does."""
    use = EnvelopeUse.objects.filter(grant=grant).first()
    if use is None:
        return False  # it is being made: asking looked at the token itself
    trust = WorkloadTrust.objects.select_related("agent__owner", "issuer").filter(public_id=use.workload).first()
    return trust is None or fault_of(trust, now) is Reason.TRUST_ENDED


def _may_start(grant: Grant, envelope: Envelope, now: datetime) -> bool:
    """What was asked in the hours may be started after them, and must then not begin."""
    ends, closes = now + timedelta(seconds=grant.lasts_s), envelope.hours.closes_at(now)
    return closes is not None and ends <= closes and ends <= envelope.ends_at

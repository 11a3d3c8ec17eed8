"""The sentence of a refusal, with the address where access is asked for wherever that is what to do next."""

from __future__ import annotations

from urllib.parse import urlencode

from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.answers import INSUFFICIENT_SCOPE, shown
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.wanted import Wanted

_ASK_AGAIN = INSUFFICIENT_SCOPE | {
    Reason.REFERENCE_NOT_GRANTED, Reason.FILE_NOT_GRANTED, Reason.GRANT_EXPIRED, Reason.GRANT_REVOKED,
    Reason.GRANT_RELINQUISHED, Reason.GRANT_NOT_ACTIVE, Reason.TOKEN_UNKNOWN, Reason.TOKEN_EXPIRED,
    Reason.TOKEN_REVOKED, Reason.TOKEN_MISSING, Reason.TARGET_UNKNOWN, Reason.POLICY_TIGHTENED, Reason.TIER_RAISED,
    Reason.GROUP_MEMBERSHIP_LOST, Reason.BUDGET_SPENT, Reason.REQUEST_BUDGET_SPENT, Reason.OUTSIDE_ENVELOPE,
    Reason.ENVELOPE_ENDED, Reason.ENVELOPE_EXPIRED, Reason.ENVELOPE_REVOKED, Reason.ENVELOPE_SUSPENDED,
    Reason.ENVELOPE_UNREVIEWED,
}  # fmt: skip


def sentence_for(reason: Reason, facts: ExchangeFacts, wanted: tuple[Wanted, ...]) -> str:
    """What happened, and what to do."""
    sentence = explain(shown(reason))
    if facts.envelope and reason in {Reason.BUDGET_SPENT, Reason.REQUEST_BUDGET_SPENT}:
        sentence = f"{sentence} It was the part of envelope {facts.envelope}."
    if reason not in _ASK_AGAIN or not facts.public_url:
        return sentence
    if not wanted:
        return f"{sentence} Request access at {facts.public_url}/request"
    asked = wanted[0]
    if reason in INSUFFICIENT_SCOPE and len({item.repository for item in wanted}) > 1:
        sentence = f"{sentence} Missing: {asked.operation.verb} on {asked.target}/{asked.repository}."
    query = urlencode({"resource": f"{asked.target}/{asked.repository}", "operation": asked.operation.value}, safe="/")
    return f"{sentence} Request access at {facts.public_url}/request?{query}"

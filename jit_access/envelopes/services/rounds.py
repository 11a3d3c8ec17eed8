"""A round is one question to the people: the approval of a proposal, and each review. It has a payload of its own."""

from __future__ import annotations

from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.news import tell_signers
from jit_access.envelopes.payloads import ask_policy, hash_payload, is_intact, is_same_question, make_payload
from jit_access.envelopes.people import OPEN_STATES
from jit_access.policies.answers import PolicyAnswer


def lock_envelope(pk: int) -> Envelope:
    """The row as it is now, held until the transaction ends. Only inside one.

    Before the grants under it: whoever takes both takes the envelope first.
    """
    rows = Envelope.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("agent", "agent__owner", "proposer", "target", "state_by").get(pk=pk)


def begin_round(envelope: Envelope, answer: PolicyAnswer, *, actor: ActorRef = GATEWAY) -> None:
    """Ask people anew, with what policy says today. The envelope is locked. What was signed before stays in force."""
    with audited(actor=actor) as audit:
        envelope.round += 1
        envelope.is_asking = True
        envelope.reminded_at = None
        envelope.payload = make_payload(envelope, answer, envelope.agent.owner or envelope.proposer)
        envelope.payload_hash = hash_payload(envelope.payload)
        envelope.save(update_fields=["round", "is_asking", "reminded_at", "payload", "payload_hash"])
        audit.record("envelope.asked", target=envelope.target.slug, detail=facts_of(envelope))
        tell_signers(envelope)


def refresh_round(envelope_id: int) -> None:
    """Where the question is not what it was (another owner, another tier, more people by rule), ask it anew.

    In a transaction of its own, so that whoever answers the old one is refused and the new one stands.
    """
    with audited(actor=GATEWAY):
        row = lock_envelope(envelope_id)
        if not row.is_asking or row.state not in OPEN_STATES or not is_intact(row):
            return  # columns that somebody changed by hand are refused, not asked about
        answer = ask_policy(row)
        if not answer.is_allowed or not answer.approvals:
            return  # signing says so
        today = make_payload(row, answer, row.agent.owner or row.proposer)
        if not is_same_question(today, row.payload):
            begin_round(row, answer)


def facts_of(envelope: Envelope, **more: str | int | bool) -> dict[str, str | int | bool]:
    """What the log keeps with each record about an envelope."""
    return {
        "envelope": envelope.public_id,
        "name": envelope.name,
        "account": envelope.agent.public_id,
        "round": envelope.round,
        "payload": envelope.payload_hash,
        **more,
    }

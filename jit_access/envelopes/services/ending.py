"""How envelopes pause and end. What they opened ends in the same transaction, and running streams are cut.

The envelope's row is locked before the grants under it, here and wherever both are held.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.transitions import move
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.errors import Conflict, NotFound
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.reasons import Reason
from jit_access.envelopes.access import may_end
from jit_access.envelopes.drafts import clean_line
from jit_access.envelopes.models import Envelope, EnvelopeUse
from jit_access.envelopes.news import tell_of_suspension, tell_owner
from jit_access.envelopes.payloads import ask_policy
from jit_access.envelopes.people import OPEN_STATES
from jit_access.envelopes.services.rounds import begin_round, facts_of, lock_envelope
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.services import end_under_envelope
from jit_access.workloads.models import WorkloadTrust

MAX_STATE_NOTE_CHARS = 300
_ENDS = {
    EnvelopeState.DENIED: ("envelope.denied", "Denied"),
    EnvelopeState.REVOKED: ("envelope.revoked", "Revoked"),
    EnvelopeState.EXPIRED: ("envelope.expired", "Over"),
}


def suspend_envelope(*, actor: User, envelope: Envelope, note: str = "") -> Envelope:
    """Stop it at once, until its review is signed. A repeat changes nothing.

    For the owner of the agent, whoever is asked to approve, and security. Raises: NotFound for anybody else; Conflict
    when it is not in force.
    """
    cleaned = clean_line("note", note, MAX_STATE_NOTE_CHARS, "")
    with (
        refusals_recorded(actor=actor.ref, kind="envelope.suspend", target=envelope.target.slug),
        audited(actor=actor.ref),
    ):
        row = lock_envelope(envelope.pk)
        if not may_end(actor, row):
            raise NotFound
        if row.state == EnvelopeState.SUSPENDED:
            return row
        if row.state != EnvelopeState.ACTIVE:
            raise Conflict(Reason.STATE_CHANGED, f"This envelope is {row.state}.")
        _suspend_locked(row, Reason.ENVELOPE_SUSPENDED, person=actor, note=cleaned)
    return row


def revoke_envelope(*, actor: User, envelope: Envelope, note: str = "") -> Envelope:
    """End it for good; a proposal is taken back by this. A repeat changes nothing. Raises as `suspend_envelope`."""
    cleaned = clean_line("note", note, MAX_STATE_NOTE_CHARS, "")
    with (
        refusals_recorded(actor=actor.ref, kind="envelope.revoke", target=envelope.target.slug),
        audited(actor=actor.ref),
    ):
        row = lock_envelope(envelope.pk)
        if row.state == EnvelopeState.REVOKED and row.state_by_id == actor.pk:
            return row
        if not may_end(actor, row):
            raise NotFound
        close_locked(row, EnvelopeState.REVOKED, Reason.ENVELOPE_REVOKED, person=actor, note=cleaned)
    return row


def suspend_envelopes_of(user: User, reason: Reason) -> None:
    """An account lost something. Handler of `accounts.changes`: a stopped account suspends its envelopes."""
    if not user.is_active:
        _stop(Envelope.objects.filter(Q(agent=user) | Q(agent__owner=user)), reason)


def stop_envelopes_of(agent: User, reason: Reason) -> None:
    """All that an account holds has to end: another person answers for it, or it is retired. Handler, as above."""
    _stop(Envelope.objects.filter(agent=agent), reason)


def end_with_trust(_actor: ActorRef, trust: WorkloadTrust) -> None:
    """A workload identity counts no more. Handler of `workloads.changes`."""
    end_for_workload(workload=trust.public_id, reason=Reason.TRUST_ENDED)


def _stop(rows: QuerySet[Envelope], reason: Reason) -> None:
    open_ones = rows.filter(state__in=OPEN_STATES)
    for pk in open_ones.order_by("pk").values_list("pk", flat=True):
        with audited(actor=GATEWAY):
            row = lock_envelope(pk)
            if reason is Reason.AGENT_RETIRED and row.state in OPEN_STATES:
                close_locked(row, EnvelopeState.REVOKED, reason)
            elif row.state == EnvelopeState.ACTIVE:
                _suspend_locked(row, reason)


def end_for_workload(*, workload: str, reason: Reason) -> int:
    """A workload identity is trusted no more: what its tokens opened inside any envelope ends. Returns how many."""
    count = 0
    by_envelope: dict[int, list[int]] = {}
    uses = EnvelopeUse.objects.filter(workload=workload, ended_at=None) if workload else EnvelopeUse.objects.none()
    for envelope_id, grant_id in uses.values_list("envelope", "grant"):
        by_envelope.setdefault(envelope_id, []).append(grant_id)
    for pk, grant_ids in sorted(by_envelope.items()):
        with audited(actor=GATEWAY):
            row = lock_envelope(pk)
            count += end_under_envelope(envelope=row.public_id, reason=reason, only=grant_ids)
    return count


def suspend_by_gateway(row: Envelope, reason: Reason) -> None:
    """Nobody reviewed it in time, or the agent has another owner. The envelope is locked."""
    _suspend_locked(row, reason)


def close_locked(
    row: Envelope, end: EnvelopeState, reason: Reason, *, person: User | None = None, note: str = ""
) -> None:
    """The end of a locked envelope, and of everything that it opened."""
    kind, what = _ENDS[end]
    with audited(actor=GATEWAY if person is None else person.ref) as audit:
        move(
            row,
            end,
            ended_at=clock.now(),
            is_asking=False,
            state_reason=reason,
            state_note=note[:MAX_STATE_NOTE_CHARS],
            state_by=person,
        )
        ended = end_under_envelope(envelope=row.public_id, reason=_told(end))
        audit.record(kind, reason=reason, target=row.target.slug, detail=facts_of(row, note=note, ended_grants=ended))
        by = "" if person is None else f" by {person.display_name}"
        tell_owner(row, str(end), what, f"{what}{by}. {note or 'What is asked from now on, people decide.'}")


def _suspend_locked(row: Envelope, reason: Reason, *, person: User | None = None, note: str = "") -> None:
    with audited(actor=GATEWAY if person is None else person.ref) as audit:
        move(row, EnvelopeState.SUSPENDED, state_reason=reason, state_note=note, state_by=person)
        ended = end_under_envelope(envelope=row.public_id, reason=reason)
        audit.record(
            "envelope.suspended",
            reason=reason,
            target=row.target.slug,
            detail=facts_of(row, note=note, ended_grants=ended),
        )
        tell_of_suspension(row, reason)
        if not row.is_asking:
            answer = ask_policy(row)
            if answer.is_allowed and answer.approvals:
                begin_round(row, answer)


def _told(end: EnvelopeState) -> Reason:
    return Reason.ENVELOPE_EXPIRED if end is EnvelopeState.EXPIRED else Reason.ENVELOPE_REVOKED

"""What people say to an envelope. The row's lock puts answers in order; a denial beats every approval.

Who may sign, how fresh their proof is and what policy says is looked up under that lock, at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.transitions import move
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.reasons import Reason
from jit_access.envelopes.drafts import MAX_NOTE_CHARS, clean_line
from jit_access.envelopes.models import Envelope, EnvelopeSignature
from jit_access.envelopes.news import tell_owner, tell_signers
from jit_access.envelopes.payloads import approvals_of, ask_policy, is_intact
from jit_access.envelopes.people import OPEN_STATES, Step, choose_step, refusal_to_sign, steps_of
from jit_access.envelopes.services.ending import close_locked
from jit_access.envelopes.services.rounds import facts_of, lock_envelope, refresh_round
from jit_access.grants.policy import account_refusal
from jit_access.grants.refusals import refusals_recorded
from jit_access.locks.selectors import ground_of_account, locked_accounts, refuse_locked
from jit_access.mfa.assurance import Assurance, check_fresh, check_strength

SIGN_FACTOR_MAX_AGE_S = 900  # where a rule does not say stricter; the payload names what counts


@dataclass(frozen=True, slots=True)
class Word:
    """What one person says: to exactly what `payload_hash` stands for."""

    is_approval: bool
    payload_hash: str
    note: str = ""


def sign_envelope(*, actor: User, envelope: Envelope, word: Word, assurance: Assurance) -> Envelope:
    """Agree or refuse, in the approval or in a review. The same word of the same person again changes nothing.

    Raises: PolicyRefusal (own-request, not-an-approver, not-for-agents, second-factor-…, passkey-needed, locked, what
    policy says now); Conflict (already-decided, already-answered, answer-too-late, payload-changed).
    """
    note = clean_line("note", word.note, MAX_NOTE_CHARS, "")
    with refusals_recorded(actor=actor.ref, kind="envelope.sign", target=envelope.target.slug):
        refresh_round(envelope.pk)
        with audited(actor=actor.ref):
            row = lock_envelope(envelope.pk)
            if _is_repeat(actor, row, word):
                return row
            step = _check(actor, row, word)
            terms = row.payload["terms"]
            check_fresh(assurance, max_age_s=min(terms["approver_factor_max_age_s"], SIGN_FACTOR_MAX_AGE_S))
            if word.is_approval:
                check_strength(assurance, level=terms["approver_level"])
            signature = EnvelopeSignature(
                envelope=row,
                round=row.round,
                signer=actor,
                word=step.word,
                stage=step.stage,
                is_approval=word.is_approval,
                note=note,
                payload_hash=word.payload_hash,
                level=int(assurance.level),
                proved_at=assurance.proved_at,
            )
            _take(actor, row, signature)
    return row


def _is_repeat(actor: User, row: Envelope, word: Word) -> bool:
    given = row.signatures.filter(signer=actor, payload_hash=word.payload_hash).first()
    return given is not None and given.is_approval == word.is_approval


def _check(actor: User, row: Envelope, word: Word) -> Step:
    steps = steps_of(row)
    if row.state not in OPEN_STATES or not row.is_asking:
        raise Conflict(Reason.ALREADY_DECIDED, f"This envelope is {row.state} already.")
    if (refusal := refusal_to_sign(actor, row, steps)) is not None:
        raise Conflict(refusal) if refusal is Reason.ALREADY_ANSWERED else PolicyRefusal(refusal)
    refuse_locked(ground_of_account(actor))
    now = clock.now()
    if now >= row.expires_at or (row.state == EnvelopeState.PROPOSED and now >= row.answer_by):
        raise Conflict(Reason.ANSWER_TOO_LATE)
    if word.payload_hash != row.payload_hash or not is_intact(row):
        raise Conflict(Reason.PAYLOAD_CHANGED, "This envelope changed while you read. Read it again.")
    return choose_step(actor, steps, is_approval=word.is_approval)


def _take(actor: User, row: Envelope, signature: EnvelopeSignature) -> None:
    with audited(actor=actor.ref) as audit:
        signature.save()
        audit.record(
            "envelope.signed",
            decision="allow" if signature.is_approval else "deny",
            reason=Reason.APPROVED if signature.is_approval else Reason.DENIED_BY_PERSON,
            target=row.target.slug,
            detail=facts_of(row, group=signature.word, stage=signature.stage, note=signature.note[:300]),
        )
        if not signature.is_approval:
            end = EnvelopeState.REVOKED if row.signed_round else EnvelopeState.DENIED
            close_locked(row, end, Reason.DENIED_BY_PERSON, person=actor, note=signature.note)
            return
        _refuse_by_policy(row)
        steps = steps_of(row)
        if not any(step.open for step in steps):
            _refuse_beside_locked(steps)
            _put_in_force(actor, row)
        elif min(step.stage for step in steps if step.open) > signature.stage:
            tell_signers(row)


def _refuse_by_policy(row: Envelope) -> None:
    """The rules and the accounts may be others than when it was asked."""
    if (locked := account_refusal(row.agent)) is not None:
        raise PolicyRefusal(locked)
    answer = ask_policy(row)
    if not answer.is_allowed:
        raise PolicyRefusal(answer.reason, rule=answer.decision.rule)
    asked = {one.group: one.needed for one in approvals_of(row.payload)}
    if any(asked.get(one.group, 0) < one.needed for one in answer.approvals):
        raise Conflict(Reason.PAYLOAD_CHANGED, "The rules ask more people by now. Read it again.")


def _refuse_beside_locked(steps: tuple[Step, ...]) -> None:
    """A stolen account must not have made up half of it."""
    locked = locked_accounts()
    if any(one.signer.public_id in locked for step in steps for one in step.given):
        sentence = "Somebody who signed this is locked now. Sign again when that is over."
        raise PolicyRefusal(Reason.LOCKED, sentence, locked="person")


def _put_in_force(actor: User, row: Envelope) -> None:
    now = clock.now()
    was = row.signed_round
    fields = {
        "signed_round": row.round,
        "signed_payload": row.payload,
        "is_asking": False,
        "reminded_at": None,
        "review_by": min(row.expires_at, now + timedelta(seconds=row.review_every_s)),
        "activated_at": row.activated_at or now,
        # Who answers for the agent now is whom the payload names.
        "proposer_id": row.agent.owner_id or row.proposer_id,
        "state_reason": "",
        "state_note": "",
        "state_by": None,
    }
    with audited(actor=actor.ref) as audit:
        if row.state == EnvelopeState.ACTIVE:
            Envelope.objects.filter(pk=row.pk).update(**fields)
            row.refresh_from_db()
        else:
            move(row, EnvelopeState.ACTIVE, **fields)
        until = clock.format_instant(row.review_by)
        audit.record(
            "envelope.reviewed" if was else "envelope.activated",
            reason=Reason.APPROVED,
            decision="allow",
            target=row.target.slug,
            detail=facts_of(row, review_by=until),
        )
        what = "Reviewed" if was else "Approved"
        tell_owner(row, "active", what, f"{what}. What is inside is granted at once until {row.review_by:%d %b %Y}.")

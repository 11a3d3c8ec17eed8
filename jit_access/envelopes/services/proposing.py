"""An owner proposes an envelope for an agent of theirs. It opens nothing before the people whom policy asks signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.reasons import Reason
from jit_access.envelopes.drafts import EnvelopeDraft, check_draft
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.news import tell_signers
from jit_access.envelopes.payloads import ask_policy, hash_payload, make_payload
from jit_access.envelopes.services.rounds import facts_of
from jit_access.grants.asked_people import approvals_can_be_met, people_for, why_nobody
from jit_access.grants.policy import account_refusal
from jit_access.grants.refusals import refusals_recorded
from jit_access.locks.selectors import ground_of_account, refuse_locked
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, check_fresh
from jit_access.policies.answers import PolicyAnswer, numbered
from jit_access.workloads.selectors import fault_of, trusts_of

ANSWER_WITHIN = timedelta(days=7)  # a proposal that nobody signed in a week was not wanted, or is stale
MAX_OPEN = 50  # of one agent: each request looks at all of its envelopes at that target


@dataclass(frozen=True, slots=True)
class Asked:
    """So many of one word, and the people who could sign now."""

    word: str
    needed: int
    stage: int
    people: tuple[User, ...]


def preview_envelope(*, actor: User, draft: EnvelopeDraft) -> tuple[Asked, ...]:
    """Whom policy would ask. Changes nothing. Raises: CallerError, PolicyRefusal with what policy said."""
    checked = check_draft(draft)
    _check_owner(actor, checked.agent)
    answer = ask_policy(_unsaved(actor, checked))
    people = _people(answer, checked)
    return tuple(Asked(one.group, one.needed, one.stage, people[one.group]) for one in numbered(answer.approvals))


def propose_envelope(*, actor: User, draft: EnvelopeDraft, assurance: Assurance) -> Envelope:
    """Ask the people whom policy asks to agree beforehand. Only the agent's owner, with a fresh second factor.

    The same idempotency key again gives the same proposal.
    Raises: NotFound for anybody else; PolicyRefusal (second-factor-…, locked, no-approver, what policy said);
    CallerError for what was typed, and where policy asks nobody anyway.
    """
    with (
        refusals_recorded(actor=actor.ref, kind="envelope.propose", target=draft.target.slug),
        audited(actor=actor.ref) as audit,
    ):
        # Two proposals of one person are put in order, so that a double click makes one.
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        _check_owner(actor, draft.agent)
        refuse_locked(ground_of_account(draft.agent))
        check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)
        checked = check_draft(draft)
        if (known := _known_by_key(actor, checked)) is not None:
            return known
        if Envelope.objects.filter(agent=checked.agent, ended_at=None).count() >= MAX_OPEN:
            raise CallerError(Reason.INVALID_INPUT, f"An agent has at most {MAX_OPEN} envelopes. Revoke one first.")
        _check_workloads(checked)
        row = _unsaved(actor, checked)
        answer = ask_policy(row)
        _people(answer, checked)
        row.payload = make_payload(row, answer, actor)
        row.payload_hash = hash_payload(row.payload)
        row.save(force_insert=True)
        audit.record(
            "envelope.proposed",
            target=row.target.slug,
            rule=answer.decision.rule,
            detail=facts_of(row, because=row.because),
        )
        tell_signers(row)
    return row


def _check_owner(actor: User, agent: User) -> None:
    if agent.is_person or agent.owner_id != actor.pk or not actor.is_person:
        raise NotFound
    if (locked := account_refusal(agent)) is not None:
        raise PolicyRefusal(locked)


def _check_workloads(draft: EnvelopeDraft) -> None:
    """Only identities of this agent, in force: one that is confirmed later would not be what people signed."""
    known = trusts_of(draft.agent).filter(public_id__in=draft.workloads)
    now = clock.now()
    if {trust.public_id for trust in known if fault_of(trust, now) is None} != set(draft.workloads):
        sentence = "Name workload identities of this agent that are in force."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="workloads")


def _people(answer: PolicyAnswer, draft: EnvelopeDraft) -> dict[str, tuple[User, ...]]:
    if not answer.is_allowed:
        raise PolicyRefusal(answer.reason, rule=answer.decision.rule, lasts_at_most_s=answer.lasts_at_most_s)
    if not answer.approvals:
        raise CallerError(Reason.INVALID_INPUT, "Policy asks nobody for this, so there is nothing to agree on before.")
    people = people_for((one.group for one in answer.approvals), draft.agent, draft.target)
    if not approvals_can_be_met(answer.approvals, people):
        raise PolicyRefusal(Reason.NO_APPROVER, why_nobody(answer.approvals, people))
    return people


def _unsaved(actor: User, draft: EnvelopeDraft) -> Envelope:
    now = clock.now()
    return Envelope(
        public_id=new_id(Envelope.ID_PREFIX),
        name=draft.name,
        agent=draft.agent,
        proposer=actor,
        target=draft.target,
        because=draft.because,
        scope=draft.scope.to_wire(),
        workloads=list(draft.workloads),
        lasts_at_most_s=draft.lasts_at_most_s,
        bytes_per_day=draft.bytes_per_day,
        bytes_per_grant=draft.bytes_per_grant,
        grants_per_day=draft.grants_per_day,
        weekdays=sorted(draft.hours.days),
        starts_min=draft.hours.starts_min,
        ends_min=draft.hours.ends_min,
        time_zone=draft.hours.zone,
        expires_at=draft.expires_at,
        review_every_s=draft.review_every_s,
        review_by=min(draft.expires_at, now + timedelta(seconds=draft.review_every_s)),
        answer_by=min(draft.expires_at, now + ANSWER_WITHIN),
        state=EnvelopeState.PROPOSED,
        idempotency_key=draft.idempotency_key,
    )


def _known_by_key(actor: User, draft: EnvelopeDraft) -> Envelope | None:
    if not draft.idempotency_key:
        return None
    known = Envelope.objects.filter(proposer=actor, idempotency_key=draft.idempotency_key).first()
    if known is not None and (known.agent_id, known.target_id, known.scope, known.name) != (
        draft.agent.pk,
        draft.target.pk,
        draft.scope.to_wire(),
        draft.name,
    ):
        raise Conflict(Reason.DUPLICATE_REQUEST, "This idempotency key belongs to another envelope.")
    return known

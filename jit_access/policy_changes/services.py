"""Proposing a policy, signing it, taking it back. It counts when a second person of security signed its digest.

Who proposed never signs, nor does the owner of a service account that proposed. What was signed is a digest over every
file; the text is hashed again before it counts. A proposal that was made against another policy than the one that
counts cannot be signed: what it was shown to change is not what it would change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of, members_of
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.transitions import move
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import ProposalState
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.mfa.assurance import Assurance, check_fresh
from jit_access.notifications.alerts import alert
from jit_access.notifications.services import tell
from jit_access.policies.compiler import PolicyText
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.versions import activate_version, active_version, add_version, take_turns
from jit_access.policy_changes import selectors
from jit_access.policy_changes.looking_ahead import look_ahead
from jit_access.policy_changes.models import PolicyProposal, PolicySignature

LASTS = timedelta(days=7)  # a change that nobody signed in a week was not wanted, or is stale
FACTOR_MAX_AGE_S = 300
MAX_BECAUSE_CHARS = 500


@dataclass(frozen=True, slots=True)
class Draft:
    """What is proposed. `commit` is where it is from, as far as somebody knows."""

    text: PolicyText
    because: str
    cases: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""


def may_propose(user: User) -> bool:
    """Active accounts in security; a service account's owner counts as proposer with it."""
    return user.is_active and SECURITY in groups_of(user)


def propose(*, actor: User, draft: Draft) -> PolicyProposal:
    """Keep a policy as a version that does not count yet, and tell everybody who could sign it.

    Raises: NotFound for those who may not; PolicyBroken; CallerError. All recorded.
    """
    if not may_propose(actor):
        record_refusal(actor=actor.ref, kind="policy.propose-refused", reason=Reason.NOT_FOUND)
        raise NotFound
    return _propose(actor=actor.ref, proposer=actor, draft=draft)


def propose_from_console(*, draft: Draft) -> PolicyProposal:
    """The same for files that the installation itself brings. Nobody stands behind it yet, so two people sign."""
    return _propose(actor=GATEWAY, proposer=None, draft=draft)


def _propose(*, actor: ActorRef, proposer: User | None, draft: Draft) -> PolicyProposal:
    try:
        because = _because(draft.because)
        foresight = look_ahead(draft.text, draft.cases)
    except (PolicyBroken, CallerError) as exc:
        record_refusal(actor=actor, kind="policy.propose-refused", reason=exc.reason)
        raise
    with audited(actor=actor) as audit:
        take_turns()
        base = active_version()
        if base is not None and base.digest == draft.text.digest:
            raise CallerError(Reason.INVALID_INPUT, "This is the policy that counts already.")
        version = add_version(actor=actor, text=draft.text, commit=draft.commit)
        row = PolicyProposal.objects.create(
            version_row=version,
            base_number=0 if base is None else base.number,
            state=ProposalState.PROPOSED,
            proposer=proposer,
            proposer_name=actor.name[:120],
            proposer_owner=None if proposer is None else proposer.owner,
            because=because,
            cases=dict(draft.cases),
            findings=foresight.findings,
            tests=foresight.tests,
            effects=foresight.effects,
            expires_at=clock.now() + LASTS,
        )
        audit.record("policy.proposed", detail=_facts(row) | {"because": because})
        for person in selectors.possible_signers(row):
            tell(
                person,
                kind="policy.proposed",
                subject=f"{actor.name} proposes another policy",
                text=f"{because}\nIt counts when {row.signatures_needed} of security signed it.",
                path=f"/policy/proposals/{row.public_id}",
                dedupe_key=f"policy-proposed:{row.public_id}",
            )
        return row


def sign(*, actor: User, proposal: PolicyProposal, digest: str, assurance: Assurance) -> PolicyProposal:
    """One person's word for exactly this digest. The last one that is needed makes the policy count, at once.

    Raises: PolicyRefusal (own-proposal, second-factor-…), Conflict (proposal-changed, proposal-closed,
    policy-moved-on, already-answered), recorded.
    """
    try:
        with audited(actor=actor.ref) as audit:
            take_turns()
            row = _lock(proposal)
            _check_may_sign(actor, row, digest)
            check_fresh(assurance, max_age_s=FACTOR_MAX_AGE_S)
            PolicySignature.objects.create(
                proposal=row,
                signer=actor,
                digest=row.digest,
                level=int(assurance.level),
                factor_age_s=max(0, assurance.age_s or 0),
            )
            audit.record("policy.signed", decision="allow", detail=_facts(row))
            if len(selectors.standing_signers(row)) >= row.signatures_needed:
                _activate(actor, row)
            return row
    except GatewayError as refusal:
        record_refusal(
            actor=actor.ref, kind="policy.sign-refused", reason=refusal.reason, detail={"proposal": proposal.public_id}
        )
        raise


def withdraw(*, actor: User, proposal: PolicyProposal) -> PolicyProposal:
    """Whoever proposed, or anybody of security, takes it back. A repeat does nothing. Raises: Conflict, NotFound."""
    if proposal.proposer_id != actor.pk and not may_propose(actor):
        record_refusal(actor=actor.ref, kind="policy.withdraw-refused", reason=Reason.NOT_FOUND)
        raise NotFound
    with audited(actor=actor.ref) as audit:
        row = _lock(proposal)
        if row.state == ProposalState.WITHDRAWN:
            return row
        if row.state != ProposalState.PROPOSED:
            raise Conflict(Reason.PROPOSAL_CLOSED)
        move(row, ProposalState.WITHDRAWN, closed_at=clock.now(), closed_by=actor.display_name)
        audit.record("policy.proposal-withdrawn", detail=_facts(row))
        return row


def expire_due_proposals() -> int:
    """Close what nobody signed in time. Safe to run twice."""
    count = 0
    due = PolicyProposal.objects.filter(state=ProposalState.PROPOSED, expires_at__lte=clock.now())
    for found in due:
        with audited(actor=GATEWAY) as audit:
            row = _lock(found)
            if row.state == ProposalState.PROPOSED:
                move(row, ProposalState.EXPIRED, closed_at=clock.now())
                audit.record("policy.proposal-expired", detail=_facts(row))
                count += 1
    return count


def activate_alone(*, draft: Draft) -> int:
    """An emergency at the console: the policy counts at once, without a second person, and everybody is told.

    Returns the version. Raises: PolicyBroken, CallerError, recorded.
    """
    try:
        because = _because(draft.because)
        look_ahead(draft.text, {})
    except (PolicyBroken, CallerError) as exc:
        record_refusal(actor=GATEWAY, kind="policy.refused", reason=exc.reason)
        raise
    with audited(actor=GATEWAY) as audit:
        take_turns()
        version = add_version(actor=GATEWAY, text=draft.text, commit=draft.commit)
        activate_version(actor=GATEWAY, version=version, said={"alone": True})
        audit.record(
            "policy.activated-alone",
            reason=Reason.POLICY_CHANGED_ALONE,
            detail={"version": version.number, "digest": version.digest, "because": because},
        )
        subject = f"Policy version {version.number} counts without a second person"
        text = f"It was loaded at the console. Said was: {because}\nRead what it changes, and put it right if need be."
        key = f"policy-alone:{version.number}"
        alert("policy.activated-alone", subject=subject, text=text, path="/policy", dedupe_key=key)
        for person in members_of(SECURITY):
            tell(person, kind="policy.activated-alone", subject=subject, text=text, path="/policy", dedupe_key=key)
        return version.number


def _check_may_sign(actor: User, row: PolicyProposal, digest: str) -> None:
    match selectors.why_not_sign(actor, row):
        case None:
            pass
        case Reason.NOT_FOUND:
            raise NotFound
        case Reason.OWN_PROPOSAL as reason:
            raise PolicyRefusal(reason)
        case Reason.LOCKED as reason:
            sentence = "Somebody who stands behind this is locked now. Sign again when that is over."
            raise PolicyRefusal(reason, sentence, locked="person")
        case reason:
            raise Conflict(reason)
    if digest != row.digest:
        raise Conflict(Reason.PROPOSAL_CHANGED)


def _activate(actor: User, row: PolicyProposal) -> None:
    names = " and ".join(person.display_name for person in selectors.standing_signers(row))
    said = {"proposal": row.public_id, "proposed_by": row.proposer_name, "signed_by": names}
    activate_version(actor=actor.ref, version=row.version_row, said=said)
    move(row, ProposalState.ACTIVATED, closed_at=clock.now(), closed_by=actor.display_name)


def _lock(proposal: PolicyProposal) -> PolicyProposal:
    return PolicyProposal.objects.select_for_update(of=("self",)).get(pk=proposal.pk)


def _because(text: str) -> str:
    cleaned = clean_text(" ".join(text.split()))
    if not cleaned:
        raise CallerError(Reason.INVALID_INPUT, "Say what the change is for.")
    if len(cleaned) > MAX_BECAUSE_CHARS:
        raise CallerError(Reason.INVALID_INPUT, f"What the change is for has at most {MAX_BECAUSE_CHARS} characters.")
    return cleaned


def _facts(row: PolicyProposal) -> dict[str, str | int | bool]:
    return {
        "proposal": row.public_id,
        "version": row.version_row.number,
        "digest": row.digest,
        "replaces": row.base_number,
    }

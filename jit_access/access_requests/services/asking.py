"""Asking: what would happen (`preview_request`), and the request itself (`submit_request`, `submit_extension`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from jit_access.access_requests.auto_approving import Asking, Finding, approves, findings_of
from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.drafts import RequestDraft, check_lasts, make_draft
from jit_access.access_requests.inside import fit_of, terms_inside, words_of
from jit_access.access_requests.knowing import known_to
from jit_access.access_requests.models import AccessRequest, ApprovalStep
from jit_access.access_requests.news import tell_approvers, tell_requester
from jit_access.access_requests.payloads import Considered, Window, assess, hash_payload, make_payload
from jit_access.access_requests.services.bundling import approve_or_hold
from jit_access.access_requests.voices import people_for
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.decisions import Decision, deny
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.operations import Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.risk import Risk
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.envelopes.fitting import Fit
from jit_access.grants import selectors as grant_selectors
from jit_access.grants.asked_people import approvals_can_be_met, why_nobody
from jit_access.grants.grounds import locks_of_asking
from jit_access.grants.meaning import check_meaning
from jit_access.grants.models import Grant
from jit_access.grants.policy import account_refusal
from jit_access.grants.proofs import proof_of
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.tickets import ticket_refusal
from jit_access.locks.selectors import refusal_by
from jit_access.mfa.assurance import Assurance
from jit_access.policies.answers import PolicyAnswer, numbered, without_people
from jit_access.policies.questions import Assurance as Level
from jit_access.policies.questions import Phase, Proof, questions_for_scope
from jit_access.policies.selectors import get_version
from jit_access.policies.services import decide_all
from jit_access.targets.models import Target


@dataclass(frozen=True, slots=True)
class Waived:
    """What stands in for the people whom policy asks, where anything does: rules by themselves, or an envelope."""

    by_rule: tuple[Finding, ...] = ()
    fit: Fit | None = None
    workload: str = ""

    @property
    def envelope(self) -> str:
        """Public id of the envelope that holds it."""
        return self.fit.envelope.public_id if self.fit is not None and self.fit.is_inside else ""

    @property
    def reason(self) -> Reason:
        if self.envelope:
            return Reason.INSIDE_ENVELOPE
        return Reason.AUTO_APPROVED if self.by_rule else Reason.NO_APPROVAL_NEEDED

    @property
    def detail(self) -> dict[str, str]:
        """What the log says of it."""
        if self.fit is None:
            return {}
        if self.fit.is_inside:
            return {"envelope": self.envelope}
        return {"outside": ", ".join(one.field for one in self.fit.exceeded), "nearest": self.fit.envelope.public_id}


@dataclass(frozen=True, slots=True)
class PreviewStep:
    """One step, with the people who could answer it now. Stages are asked one after the other."""

    group: str
    needed: int
    people: tuple[User, ...]
    stage: int = 1


@dataclass(frozen=True, slots=True)
class Preview:
    """What a draft would lead to. Times in seconds; `factor_max_age_s` 0 asks for nothing."""

    decision: Decision
    rules: tuple[str, ...]
    lasts_at_most_s: int
    steps: tuple[PreviewStep, ...]
    factor_max_age_s: int
    is_factor_fresh: bool
    staleness: Staleness
    byte_budget: int
    request_budget: int
    refused_files: tuple[str, ...]
    risk: Risk
    policy_version: int
    why_nobody: str = ""  # with no-approver: who is missing, in a sentence
    break_glass_s: int = 0  # how long without approval, where a rule says so
    auto: tuple[Finding, ...] = ()  # what rules that approve by themselves would say
    fit: Fit | None = None  # of an agent: the envelope that holds it, or the nearest one

    @property
    def is_inside(self) -> bool:
        """True when an envelope would stand in for the people."""
        return not self.is_auto and self.fit is not None and self.fit.is_inside

    @property
    def is_auto(self) -> bool:
        """True when rules would approve this by themselves, and nobody is asked."""
        return approves(self.auto)

    @property
    def is_allowed(self) -> bool:
        """True when this could be sent as it is."""
        return self.decision.is_allowed

    @property
    def why_not(self) -> Reason | None:
        """The reason it could not be sent, or None."""
        return None if self.decision.is_allowed else self.decision.reason


def preview_request(
    *, actor: User, target: Target, scope: Scope, lasts_s: int, assurance: Assurance, is_extension: bool = False
) -> Preview:
    """Who would have to agree, what is asked of the requester, or why it cannot be sent. Changes nothing.

    Raises: CallerError for an operation or a limit that this kind of target does not have.
    """
    check_meaning(target, scope)
    now = clock.now()
    draft = RequestDraft(target, scope, lasts_s, purpose="")
    proof = proof_of(assurance)
    answer = ask_policy(actor, draft, proof)
    people = people_for((item.group for item in answer.approvals), actor, target)
    is_locked = bool(locks_of_asking(actor, target, scope))
    risk = assess(actor, draft, now)
    found = findings_of(Asking(actor, draft, risk, now, is_extension), answer)
    fit = None if is_extension else fit_of(actor, draft, answer, now, workload=assurance.workload, locks=False)
    is_waived = approves(found) or (fit is not None and fit.is_inside)
    refused = Reason.LOCKED if is_locked else _refusal_of(answer, people, is_auto=is_waived)
    refusal = _refusal(actor, draft, proof) or refused
    age = proof.factor_age_s
    return Preview(
        decision=answer.decision if refusal is None else deny(refusal, answer.decision.rule),
        rules=answer.rules,
        lasts_at_most_s=answer.lasts_at_most_s,
        steps=tuple(
            PreviewStep(item.group, item.needed, people[item.group], item.stage) for item in numbered(answer.approvals)
        ),
        factor_max_age_s=answer.factor_max_age_s,
        is_factor_fresh=not answer.factor_max_age_s or (age is not None and age <= answer.factor_max_age_s),
        staleness=answer.staleness,
        byte_budget=answer.byte_budget,
        request_budget=answer.request_budget,
        refused_files=answer.refused_files,
        risk=risk,
        policy_version=answer.version,
        break_glass_s=answer.break_glass_s if answer.approvals else 0,
        auto=found,
        fit=fit,
        why_nobody=why_nobody(answer.approvals, people) if refusal is Reason.NO_APPROVER else "",
    )


def submit_request(*, actor: User, draft: RequestDraft, assurance: Assurance) -> AccessRequest:
    """Ask. With nobody's approval needed the grant is there at once, not yet started.

    The same idempotency key again gives the same request. Raises: NotFound for a name that the actor may not know;
    PolicyRefusal with what policy said, no-approver, exposed-elsewhere, account-locked; Conflict (duplicate-request);
    CallerError for what was typed.
    """
    check_lasts(draft.lasts_s)
    with (
        refusals_recorded(actor=actor.ref, kind="request.submit", target=draft.target.slug),
        audited(actor=actor.ref),
    ):
        # Two submits of one person are put in order, so that a double click makes one request.
        requester = User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        if (known := _known_by_key(requester, draft)) is not None:
            return known
        _refuse_duplicate(requester, draft)
        now = clock.now()
        proof = proof_of(assurance)
        refused_already = _refusal(requester, draft, proof) or ticket_refusal(draft.ticket)
        names = [part.repository for part in draft.scope.resources]
        if refused_already is None and not known_to(requester).may_name(draft.target, draft.target.slug, names):
            raise NotFound
        # After that, and not before: what is locked is said only of what they may know.
        locked = refusal_by(locks_of_asking(requester, draft.target, draft.scope))
        if refused_already is None and locked is not None:
            raise locked
        answer = ask_policy(requester, draft, proof)
        people = people_for((item.group for item in answer.approvals), requester, draft.target)
        risk = assess(requester, draft, now)
        found = findings_of(Asking(requester, draft, risk, now), answer)
        by_rule = found if approves(found) else ()
        fit = None
        if not by_rule and refused_already is None:
            fit = fit_of(requester, draft, answer, now, workload=assurance.workload, locks=True)
        is_waived = bool(by_rule) or (fit is not None and fit.is_inside)
        if (refusal := refused_already or _refusal_of(answer, people, is_auto=is_waived)) is not None:
            sentence = why_nobody(answer.approvals, people) if refusal is Reason.NO_APPROVER else ""
            raise PolicyRefusal(refusal, sentence, rule=answer.decision.rule, lasts_at_most_s=answer.lasts_at_most_s)
        asked = without_people(answer) if by_rule else answer
        if fit is not None and fit.is_inside:
            asked = terms_inside(answer, fit)
        return _create(requester, draft, _consider(asked, risk, proof), now, Waived(by_rule, fit, assurance.workload))


def submit_extension(
    *, actor: User, grant: Grant, by_s: int, purpose: str, assurance: Assurance, idempotency_key: str = ""
) -> AccessRequest:
    """Ask for a longer grant of the same scope that takes over from a running one, tokens and streams included.

    The new one lasts what is left now plus `by_s`, from its own start.
    Raises: NotFound for anybody but the holder; Conflict when the grant does not run or was extended; as submit.
    """
    with refusals_recorded(actor=actor.ref, kind="request.extend", grant=grant.public_id):
        if grant.subject_id != actor.pk:
            raise NotFound
        if by_s <= 0:
            raise CallerError(Reason.INVALID_INPUT, "Say by how long.")
        left_s = (grant_selectors.end_of(grant) - clock.now()).total_seconds() if grant.valid_until else 0
        if grant.state != GrantState.ACTIVE or left_s <= 0:
            raise Conflict(Reason.GRANT_NOT_ACTIVE)
        if Grant.objects.filter(extends=grant).exists():
            raise Conflict(Reason.DUPLICATE_REQUEST, "This grant has an extension already.")
    draft = make_draft(
        target=grant.target,
        scope=parse_scope(grant.scope),
        lasts_s=int(left_s) + by_s,
        purpose=purpose,
        ticket=grant.request.ticket,
        idempotency_key=idempotency_key,
    )
    return submit_request(actor=actor, draft=replace(draft, extends=grant), assurance=assurance)


def ask_policy(actor: User, draft: RequestDraft, proof: Proof) -> PolicyAnswer:
    """What the active policy says about a draft."""
    questions = questions_for_scope(
        user=actor, target=draft.target, scope=draft.scope, lasts_s=draft.lasts_s, phase=Phase.REQUEST, proof=proof
    )
    return decide_all(questions)


def _refusal(actor: User, draft: RequestDraft, proof: Proof) -> Reason | None:
    if (locked := account_refusal(actor)) is not None:
        return locked
    if actor.is_person and proof.assurance < Level.SECOND_FACTOR:
        return Reason.SECOND_FACTOR_MISSING
    if grant_selectors.exposed_grants(subject_id=actor.pk, target_id=draft.target.pk).exists():
        return Reason.EXPOSED_ELSEWHERE
    return None


def _refusal_of(answer: PolicyAnswer, people: dict[str, tuple[User, ...]], *, is_auto: bool) -> Reason | None:
    if not answer.is_allowed:
        return answer.reason
    return None if is_auto or approvals_can_be_met(answer.approvals, people) else Reason.NO_APPROVER


def _known_by_key(actor: User, draft: RequestDraft) -> AccessRequest | None:
    if not draft.idempotency_key:
        return None
    known = AccessRequest.objects.filter(requester=actor, idempotency_key=draft.idempotency_key).first()
    if known is None:
        return None
    scope, lasts_s = _first_asked(known)
    is_same = (
        known.target_id == draft.target.pk
        and scope == draft.scope.to_wire()
        and known.extends_id == (draft.extends.pk if draft.extends else None)
        and (lasts_s == draft.lasts_s or draft.extends is not None)  # an extension's length shrinks with time
        and known.purpose == draft.purpose
        and known.not_before == draft.not_before
    )
    if not is_same:
        raise Conflict(Reason.DUPLICATE_REQUEST, "This idempotency key belongs to another request.")
    return known


def _first_asked(request: AccessRequest) -> tuple[object, int]:
    """What was sent, whatever an approver took away since."""
    first = request.narrowings.order_by("pk").first()
    return (request.scope, request.lasts_s) if first is None else (first.was_scope, first.was_lasts_s)


def _refuse_duplicate(actor: User, draft: RequestDraft) -> None:
    pending = AccessRequest.objects.filter(requester=actor, target=draft.target, state=RequestState.PENDING)
    for other in pending.filter(extends=draft.extends, answer_by__gt=clock.now()):
        if other.scope == draft.scope.to_wire():
            raise Conflict(Reason.DUPLICATE_REQUEST, request=other.public_id)


def _consider(answer: PolicyAnswer, risk: Risk, proof: Proof) -> Considered:
    version = get_version(answer.version)
    if version is None:
        raise PolicyRefusal(Reason.POLICY_MISSING)
    return Considered(answer, version, risk, proof)


def _create(actor: User, draft: RequestDraft, considered: Considered, now: datetime, waived: Waived) -> AccessRequest:
    answer_by = now + timedelta(seconds=settings.ANSWER_WITHIN_S)
    opens_at = max(answer_by, draft.not_before or answer_by)
    window = Window(answer_by, opens_at + timedelta(seconds=settings.START_WITHIN_S), draft.not_before)
    payload = make_payload(actor=actor, draft=draft, considered=considered, window=window)
    auto = [finding.to_wire() for finding in waived.by_rule]
    payload |= {"auto_approval": auto} if auto else {}
    payload |= words_of(waived.fit)
    with audited(actor=actor.ref) as audit:
        request = AccessRequest.objects.create(
            requester=actor,
            target=draft.target,
            scope=draft.scope.to_wire(),
            lasts_s=draft.lasts_s,
            purpose=draft.purpose,
            ticket=draft.ticket,
            answer_by=window.answer_by,
            start_by=window.start_by,
            not_before=window.not_before,
            extends=draft.extends,
            bundle=draft.bundle,
            policy_version=considered.version,
            rules=list(considered.answer.rules),
            auto_approval=auto,
            envelope=waived.envelope,
            payload=payload,
            payload_hash=hash_payload(payload),
            risk=considered.risk.score,
            risk_reasons=considered.risk.wire,
            idempotency_key=draft.idempotency_key,
        )
        create_steps(request, considered.answer)
        audit.record(
            "request.submitted",
            decision="allow",
            reason=considered.answer.reason,
            request=request.public_id,
            target=draft.target.slug,
            rule=considered.answer.decision.rule,
            detail={"lasts_s": draft.lasts_s, "payload": request.payload_hash, "risk": request.risk, **waived.detail},
        )
        announce(request, Change.SUBMITTED)
        if considered.answer.approvals:
            tell_approvers(request)
        else:
            approve_or_hold(request, considered.answer, waived.reason)
            if waived.envelope and waived.fit is not None:
                waived.fit.reserve(Grant.objects.get(request=request), workload=waived.workload)
            tell_requester(request)
    return request


def create_steps(request: AccessRequest, answer: PolicyAnswer) -> None:
    """Who has to agree, as rows."""
    for approval in numbered(answer.approvals):
        ApprovalStep.objects.create(
            request=request,
            group=approval.group,
            stage=approval.stage,
            needed=approval.needed,
            approver_factor_max_age_s=answer.approver_factor_max_age_s,
            approver_level=int(answer.approver_level),
        )

"""Break-glass: access at once, without anybody's approval, for when waiting does harm.

Only where a rule says so (`@break_glass`), only by a person, for a short time, with a second factor shown for this very
act. Everybody who was skipped is told by name, security is alarmed, and a review with a deadline exists in the same
transaction as the grant: there is no moment at which one is there without the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from jit_access.access_requests.break_glass_news import raise_alarm, tell_skipped
from jit_access.access_requests.changes import Change, announce
from jit_access.access_requests.denied_before import denials_before
from jit_access.access_requests.drafts import RequestDraft
from jit_access.access_requests.knowing import known_to
from jit_access.access_requests.models import AccessRequest, BreakGlassReview
from jit_access.access_requests.payloads import Considered, Window, assess, hash_payload, make_payload
from jit_access.access_requests.services.asking import ask_policy, create_steps
from jit_access.access_requests.services.deciding import approve_locked
from jit_access.access_requests.voices import people_for
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.errors import CallerError, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors as grant_selectors
from jit_access.grants.grounds import locks_of_asking
from jit_access.grants.models import Grant
from jit_access.grants.policy import account_refusal
from jit_access.grants.proofs import proof_of
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.services import activate_grant
from jit_access.locks.selectors import refusal_by
from jit_access.mfa.assurance import Assurance, check_fresh
from jit_access.policies.answers import PolicyAnswer
from jit_access.policies.questions import Assurance as Level
from jit_access.policies.questions import Proof
from jit_access.policies.selectors import get_version

LEAST_REASON_CHARS = 20
FACTOR_MAX_AGE_S = 15  # shown with this act: what the session proved before does not count
START_WITHIN_S = 900
_A_DAY = timedelta(days=1)
_SHORTEST_S = 60


@dataclass(frozen=True, slots=True)
class Offer:
    """What break-glass would open here, whom it would skip, or why it is not open. `word` is what has to be typed."""

    lasts_s: int
    skipped: tuple[User, ...]
    word: str
    why_not: Reason | None
    rule: str = ""

    @property
    def is_open(self) -> bool:
        return self.why_not is None


@dataclass(frozen=True, slots=True)
class EmergencyCall:
    """What somebody wants opened now. `typed` is the name they typed to confirm it."""

    draft: RequestDraft
    typed: str


def find_offer(*, actor: User, draft: RequestDraft) -> Offer:
    """What break-glass would mean for this draft. Changes nothing; the factor is asked with the act."""
    answer = _ask(actor, draft, Proof(Level.PHISHING_RESISTANT, 0))
    refusal = _refusal(actor, draft, answer)
    return Offer(
        lasts_s=_lasts_s(answer),
        skipped=_skipped(actor, draft, answer),
        word=word_of(draft),
        why_not=None if refusal is None else refusal.reason,
        rule=answer.decision.rule,
    )


def word_of(draft: RequestDraft) -> str:
    """The name that is typed to confirm: the repository, or the target where there are several."""
    parts = draft.scope.resources
    return parts[0].repository if len(parts) == 1 else draft.target.slug


def open_at_once(*, actor: User, call: EmergencyCall, assurance: Assurance) -> Grant:
    """Open it now. The grant is there and started when this returns; everybody who was skipped is being told.

    Raises: PolicyRefusal (break-glass-…, second-factor-…, locked, what policy said); NotFound for a name that the actor
    may not know; CallerError for what was typed; as `activate_grant`, with the grant left to be started by hand.
    """
    draft = call.draft
    with (
        refusals_recorded(actor=actor.ref, kind="break-glass.open", target=draft.target.slug),
        audited(actor=actor.ref),
    ):
        # Two at once are put in order, so that a double click is one of the few that a day allows.
        opener = User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        if not opener.is_person:
            raise PolicyRefusal(Reason.NOT_FOR_AGENTS)
        names = [part.repository for part in draft.scope.resources]
        if not known_to(opener).may_name(draft.target, draft.target.slug, names):
            raise NotFound
        check_call(call)
        check_fresh(assurance, max_age_s=FACTOR_MAX_AGE_S)
        proof = proof_of(assurance)
        answer = _ask(opener, draft, proof)
        if (refusal := _refusal(opener, draft, answer)) is not None:
            raise refusal
        grant = _open(opener, draft, answer, proof)
    return activate_grant(actor=actor, grant=grant, assurance=assurance)


def _ask(actor: User, draft: RequestDraft, proof: Proof) -> PolicyAnswer:
    """Policy on the same thing for the time that break-glass gives: first how long that is, then whether."""
    answer = ask_policy(actor, replace(draft, lasts_s=_SHORTEST_S), proof)
    lasts_s = _lasts_s(answer)
    return ask_policy(actor, replace(draft, lasts_s=lasts_s), proof) if lasts_s else answer


def _lasts_s(answer: PolicyAnswer) -> int:
    longest = min(answer.break_glass_s, settings.BREAK_GLASS_LONGEST_S)
    return min(longest, answer.lasts_at_most_s) if answer.is_allowed else 0


def _refusal(actor: User, draft: RequestDraft, answer: PolicyAnswer) -> PolicyRefusal | None:
    """Own account and locks first, then what policy says, then how often."""
    if (locked := account_refusal(actor)) is not None:
        return PolicyRefusal(locked)
    by_lock = refusal_by(locks_of_asking(actor, draft.target, draft.scope))
    return by_lock or _refusal_of_policy(actor, draft, answer) or _refusal_of_history(actor)


def _refusal_of_policy(actor: User, draft: RequestDraft, answer: PolicyAnswer) -> PolicyRefusal | None:
    if not answer.is_allowed:
        return PolicyRefusal(answer.reason, rule=answer.decision.rule)
    if not _lasts_s(answer) or not actor.is_person:
        return PolicyRefusal(Reason.BREAK_GLASS_NOT_OFFERED, rule=answer.decision.rule)
    if not answer.approvals:
        sentence = "Nobody has to approve this, so there is nothing to break. Ask in the ordinary way."
        return PolicyRefusal(Reason.BREAK_GLASS_NOT_OFFERED, sentence, rule=answer.decision.rule)
    if grant_selectors.exposed_grants(subject_id=actor.pk, target_id=draft.target.pk).exists():
        return PolicyRefusal(Reason.EXPOSED_ELSEWHERE)
    return None


def _refusal_of_history(actor: User) -> PolicyRefusal | None:
    now = clock.now()
    mine = BreakGlassReview.objects.filter(opened_by=actor)
    if mine.filter(closed_at=None, due_at__lte=now).exists():
        return PolicyRefusal(Reason.BREAK_GLASS_UNREVIEWED)
    if mine.filter(opened_at__gt=now - _A_DAY).count() >= settings.BREAK_GLASS_A_DAY:
        return PolicyRefusal(Reason.BREAK_GLASS_SPENT)
    return None


def check_call(call: EmergencyCall) -> None:
    """What was typed, before a code is used up on it. Raises: CallerError."""
    if call.typed.strip() != word_of(call.draft):
        raise CallerError(Reason.INVALID_INPUT, f"Type {word_of(call.draft)} to confirm.", field="typed")
    if len(call.draft.purpose) < LEAST_REASON_CHARS:
        sentence = f"Say what harm waiting does, in {LEAST_REASON_CHARS} characters or more."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="purpose")
    if call.draft.extends is not None:
        raise CallerError(Reason.INVALID_INPUT, "Break-glass is not extended. Ask in the ordinary way.")


def _skipped(actor: User, draft: RequestDraft, answer: PolicyAnswer) -> tuple[User, ...]:
    """Everybody whom the rule would have asked, once, by name."""
    groups = people_for((one.group for one in answer.approvals), actor, draft.target)
    found = {person.pk: person for members in groups.values() for person in members}
    return tuple(sorted(found.values(), key=lambda person: (person.display_name, person.pk)))


def _open(actor: User, draft: RequestDraft, answer: PolicyAnswer, proof: Proof) -> Grant:
    now = clock.now()
    skipped = _skipped(actor, draft, answer)
    with audited(actor=actor.ref) as audit:
        request = _create(actor, replace(draft, lasts_s=_lasts_s(answer)), answer, proof, now)
        grant = approve_locked(request, answer, Reason.BREAK_GLASS, actor=actor.ref)
        review = BreakGlassReview.objects.create(
            grant=grant,
            opened_by=actor,
            opened_at=now,
            skipped=[person.display_name for person in skipped],
            due_at=now + timedelta(seconds=settings.BREAK_GLASS_REVIEW_WITHIN_S),
        )
        audit.record(
            "break-glass.opened",
            decision="allow",
            reason=Reason.BREAK_GLASS,
            request=request.public_id,
            grant=grant.public_id,
            target=draft.target.slug,
            rule=answer.decision.rule,
            detail={
                "review": review.public_id,
                "lasts_s": request.lasts_s,
                "skipped": ", ".join(person.display_name for person in skipped)[:900],
                "review_by": clock.format_instant(review.due_at),
                "denied_before": ", ".join(one.request.public_id for one in denials_before(request))[:300],
            },
        )
        tell_skipped(review, request, skipped)
        raise_alarm(review, request)
    return grant


def _create(actor: User, draft: RequestDraft, answer: PolicyAnswer, proof: Proof, now: datetime) -> AccessRequest:
    version = get_version(answer.version)
    if version is None:
        raise PolicyRefusal(Reason.POLICY_MISSING)
    window = Window(now, now + timedelta(seconds=START_WITHIN_S))
    considered = Considered(answer, version, assess(actor, draft, now), proof)
    payload = make_payload(actor=actor, draft=draft, considered=considered, window=window) | {"break_glass": True}
    request = AccessRequest.objects.create(
        requester=actor,
        target=draft.target,
        scope=draft.scope.to_wire(),
        lasts_s=draft.lasts_s,
        purpose=draft.purpose,
        ticket=draft.ticket,
        answer_by=window.answer_by,
        start_by=window.start_by,
        policy_version=version,
        rules=list(answer.rules),
        payload=payload,
        payload_hash=hash_payload(payload),
        risk=considered.risk.score,
        risk_reasons=considered.risk.wire,
        is_break_glass=True,
    )
    create_steps(request, answer)  # whom it skipped; they may see it and revoke what came of it
    announce(request, Change.SUBMITTED)
    return request

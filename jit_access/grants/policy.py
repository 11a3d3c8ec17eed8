"""Asks policy about a grant that exists, and compares the answer with what people agreed to.

The request pins what was shown; the policy that counts now decides. A loosened policy never widens a grant: what
people signed stays the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jit_access.accounts.models import User
from jit_access.accounts.standing import why_stopped
from jit_access.domain.decisions import Decision, allow, deny
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.grants.agreed_beforehand import agreed_for
from jit_access.grants.models import Grant
from jit_access.policies.answers import PolicyAnswer
from jit_access.policies.auto_approval import is_still_waived
from jit_access.policies.questions import Assurance, Phase, Proof, Question, questions_for_scope
from jit_access.policies.services import decide_all


def ask_about(grant: Grant, phase: Phase, proof: Proof | None = None) -> PolicyAnswer:
    """What today's policy says about this grant, with the subject's groups and the tiers as they are now.

    Whoever holds a live grant proved a factor when they started it: policy is asked as of then, without a `proof`.
    Before that the strongest is assumed, since starting asks again.
    """
    return decide_all(questions_about(grant, phase, proof))


def questions_about(grant: Grant, phase: Phase, proof: Proof | None = None) -> tuple[Question, ...]:
    """What `ask_about` asks."""
    asked = proof or Proof(Assurance(grant.proved_level or Assurance.PHISHING_RESISTANT), 0)
    return questions_for_scope(
        user=grant.subject,
        target=grant.target,
        scope=parse_scope(grant.scope),
        lasts_s=grant.lasts_s,
        phase=phase,
        proof=asked if grant.subject.is_person else Proof(),
    )


def judge(grant: Grant, answer: PolicyAnswer, phase: Phase = Phase.LIVE) -> Decision:
    """May this grant be used under today's policy? An approval that is asked for now must have been given then.

    Under an envelope it must have been given to the envelope, which has to stand still.
    """
    if (locked := account_refusal(grant.subject)) is not None:
        return deny(locked)
    if not answer.is_allowed:
        return answer.decision
    if grant.is_break_glass:
        # Nobody agreed, and nobody had to; the rule that said so has to say so still.
        is_offered = 0 < grant.lasts_s <= answer.break_glass_s
        return allow(Reason.BREAK_GLASS, answer.decision.rule) if is_offered else deny(Reason.POLICY_TIGHTENED)
    reason = _lacking(grant, answer, phase)
    return allow(answer.reason, answer.decision.rule) if reason is None else deny(reason, answer.decision.rule)


def _lacking(grant: Grant, answer: PolicyAnswer, phase: Phase) -> Reason | None:
    """Why what was agreed on then is not enough today; None while it is."""
    given: Mapping[str, int] = approvals_given(grant)
    if grant.envelope:
        agreed = agreed_for(grant, phase)
        if agreed.refusal is not None:
            return agreed.refusal
        given = agreed.given
    if is_still_waived(ways_of(grant.request), answer.terms.auto):
        return None
    is_enough = all(given.get(wanted.group, 0) >= wanted.needed for wanted in answer.approvals)
    return None if is_enough else Reason.POLICY_TIGHTENED


def account_refusal(subject: User) -> Reason | None:
    """A stopped account has nothing, and neither has a service account whose owner is gone."""
    return why_stopped(subject)


def ways_of(request: Any) -> frozenset[str]:
    """By which ways rules approved a request by themselves; none where people did."""
    return frozenset(str(found["way"]) for found in request.auto_approval)


def approvals_given(grant: Grant) -> dict[str, int]:
    """How many people of which group agreed to this grant."""
    given: dict[str, int] = {}
    for group in grant.request.verdicts.filter(is_approval=True).values_list("step__group", flat=True):
        given[group] = given.get(group, 0) + 1
    return given

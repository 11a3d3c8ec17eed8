"""The example policy, row by row: who may do what on which tier, and under which terms."""

from __future__ import annotations

import pytest

from jit_access.domain.operations import Operation, Staleness, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import Approval, check_duration
from jit_access.policies.compiler import compile_policy
from jit_access.policies.questions import Assurance, Proof, Subject
from tests.policies.samples import ADA, BEN, CI_BOT, CLEO, EXAMPLE, HOUR, ask

POLICY = compile_policy(EXAMPLE)
OWNER, SECURITY = Approval("model-owners", 1), Approval("security", 1)
AGENT_NEEDS_NO_FACTOR = Proof(Assurance.NONE)


@pytest.mark.parametrize("operation", [Operation.PULL, Operation.PUSH])
@pytest.mark.parametrize(
    ("tier", "approvals", "hours", "factor_s", "staleness"),
    [
        (Tier.STANDARD, (), 8, 0, Staleness.BEST_EFFORT),
        (Tier.SENSITIVE, (OWNER,), 4, 900, Staleness.STRICT),
        (Tier.CRITICAL, (OWNER, SECURITY), 2, 300, Staleness.STRICT),
    ],
)
def test_research(
    operation: Operation, tier: Tier, approvals: tuple[Approval, ...], hours: int, factor_s: int, staleness: Staleness
) -> None:
    answer = POLICY.ask(ask(ADA, operation, tier))
    assert answer.is_allowed
    assert answer.approvals == approvals
    assert answer.lasts_at_most_s == hours * HOUR
    assert answer.factor_max_age_s == factor_s
    assert answer.staleness is staleness
    assert check_duration(answer, hours * HOUR).is_allowed
    assert check_duration(answer, hours * HOUR + 1).reason is Reason.LASTS_TOO_LONG


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("operation", [Operation.DELETE, Operation.PROMOTE, Operation.ADMIN])
def test_only_owners_delete_promote_and_administer_and_security_agrees(operation: Operation, tier: Tier) -> None:
    answer = POLICY.ask(ask(BEN, operation, tier))
    assert answer.is_allowed
    assert answer.approvals == (SECURITY,)
    assert (answer.factor_max_age_s, answer.approver_factor_max_age_s) == (300, 300)
    assert POLICY.ask(ask(ADA, operation, tier)).reason is Reason.NO_RULE_ALLOWS


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("operation", Operation)
def test_an_outsider_gets_nothing(operation: Operation, tier: Tier) -> None:
    assert POLICY.ask(ask(CLEO, operation, tier)).reason is Reason.NO_RULE_ALLOWS


@pytest.mark.parametrize("tier", Tier)
def test_a_password_alone_opens_nothing(tier: Tier) -> None:
    assert POLICY.ask(ask(ADA, tier=tier)).is_allowed
    answer = POLICY.ask(ask(ADA, tier=tier, proof=Proof(Assurance.PASSWORD)))
    assert answer.reason is Reason.FORBIDDEN_BY_RULE
    assert answer.rules == ("second-factor-always",)


@pytest.mark.parametrize(("tier", "approvals"), [(Tier.STANDARD, ()), (Tier.SENSITIVE, (OWNER,))])
def test_agents_pull(tier: Tier, approvals: tuple[Approval, ...]) -> None:
    answer = POLICY.ask(ask(CI_BOT, tier=tier, proof=AGENT_NEEDS_NO_FACTOR))
    assert answer.is_allowed
    assert answer.approvals == approvals


@pytest.mark.parametrize("groups", [frozenset(), frozenset({"research"}), frozenset({"model-owners", "security"})])
@pytest.mark.parametrize(
    ("operation", "tier"),
    [(operation, tier) for operation in Operation if operation is not Operation.PULL for tier in Tier]
    + [(Operation.PULL, Tier.CRITICAL)],
)
def test_agents_do_nothing_else_whatever_group_they_are_in(
    groups: frozenset[str], operation: Operation, tier: Tier
) -> None:
    answer = POLICY.ask(ask(Subject("usr_bot", groups, is_agent=True), operation, tier, proof=AGENT_NEEDS_NO_FACTOR))
    assert answer.reason is Reason.FORBIDDEN_BY_RULE

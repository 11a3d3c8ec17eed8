"""A session's assurance, as policy is told of it."""

from __future__ import annotations

from jit_access.mfa.assurance import Assurance, check_fresh
from jit_access.policies.questions import Assurance as PolicyAssurance
from jit_access.policies.questions import Proof


def proof_of(assurance: Assurance) -> Proof:
    """The facts that rules may look at."""
    return Proof(PolicyAssurance(int(assurance.level)), assurance.age_s if assurance.is_proved else None)


def check_freshness(assurance: Assurance, *, max_age_s: int) -> None:
    """Raises: PolicyRefusal (second-factor-missing, second-factor-stale). Zero asks for nothing."""
    if max_age_s > 0:
        check_fresh(assurance, max_age_s=max_age_s)

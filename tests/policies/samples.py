"""Questions of the cast, without a database: valid by default, one thing changed per test."""

from __future__ import annotations

from pathlib import Path

from jit_access.domain.operations import Operation, Tier
from jit_access.policies import loader
from jit_access.policies.compiler import CompiledPolicy, PolicyText, compile_policy
from jit_access.policies.loader import read_directory
from jit_access.policies.questions import Assurance, Phase, Proof, Question, Resource, Subject

EXAMPLE_DIR = Path(loader.__file__).parent / "example"
EXAMPLE = read_directory(EXAMPLE_DIR)
ADA = Subject("usr_ada", frozenset({"research"}), is_agent=False)
BEN = Subject("usr_ben", frozenset({"model-owners", "operators"}), is_agent=False)
CLEO = Subject("usr_cleo", frozenset(), is_agent=False)
CI_BOT = Subject("usr_ci_bot", frozenset({"research"}), is_agent=True)
PROVED = Proof(Assurance.SECOND_FACTOR, 30)
HOUR = 3600


def ask(
    subject: Subject = ADA,
    operation: Operation = Operation.PULL,
    tier: Tier = Tier.STANDARD,
    *,
    lasts_s: int = HOUR,
    proof: Proof = PROVED,
    phase: Phase = Phase.REQUEST,
) -> Question:
    resource = Resource("demo-registry", f"some/{tier.value}", tier)
    return Question(subject, operation, resource, lasts_s, phase, proof)


def compiled(*rules: str, schema: str = EXAMPLE.schema) -> CompiledPolicy:
    """A policy of these rules under the example's schema."""
    return compile_policy(PolicyText(schema, {"rules.cedar": "\n".join(rules)}))


def permit(
    name: str, annotations: str = '@lasts_at_most("8h")', scope: str = "principal, action, resource", when: str = ""
) -> str:
    return f'@id("{name}") {annotations} permit ({scope}) {when};'


def forbid(name: str, scope: str = "principal, action, resource", when: str = "") -> str:
    return f'@id("{name}") forbid ({scope}) {when};'

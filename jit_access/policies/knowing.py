"""Who may know that a repository is there: whoever could ask for anything on it, or whom a rule permits to know.

Asked with the best proof that the account can give and for the shortest time, as the catalogue shows what could be
asked. A forbid beats every permit here too, and what cannot be evaluated is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jit_access.accounts.models import User
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.questions import Assurance, Knowing, Proof, Question, Resource, Subject, subject_of
from jit_access.policies.services import compiled_policy
from jit_access.policies.singled_out import SingledOut
from jit_access.policies.world import World

SHORTEST_S = 60
_MOST_KEPT = 200_000  # verdicts of one policy version, at about 200 bytes each
_NO_NAME = "-"  # no repository can be called so: a verdict on it is one on all that no rule names
_NOTHING = SingledOut({})


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What one account may know by the policy that counts. Without a policy: nothing."""

    subject: Subject
    policy: CompiledPolicy | None

    @property
    def singled_out(self) -> SingledOut:
        """Which repositories have to be looked at one by one."""
        return self.policy.singled_out if self.policy else _NOTHING

    def of_target(self, target: str) -> frozenset[Tier]:
        """The tiers of which everything at a target is known that the rules do not tell apart by its name."""
        return frozenset(tier for tier in Tier if self.of_listed(Resource(target, _NO_NAME, tier)))

    def of_listed(self, resource: Resource) -> bool:
        """The verdict on a repository of the catalogue, remembered with every fact that it depends on."""
        if self.policy is None:
            return False
        kept = self.policy.known
        key = (self.subject, resource.target, resource.tier, self.policy.singled_out.kind_of(resource))
        found = kept.get(key)
        if found is None:
            # Entities of its own: what lists have looked at must not answer faster when somebody guesses a name.
            found = _verdict(replace(self.policy, world=World(self.policy.schema)), self.subject, resource)
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[key] = found
        return found

    def of_names(self, target: str, tiers: Mapping[str, Tier | None]) -> dict[str, bool]:
        """The verdicts on names that somebody says, with the tier that each has in the catalogue, or None.

        A name that nobody catalogued may be said by whoever would know it in every tier. So a name that is hidden
        is never told from one that does not exist, and both cost the same: every tier is asked about, always.
        """
        found = {}
        for name, tier in tiers.items():
            verdicts = {one: self._asked(Resource(target, name, one)) for one in Tier}
            found[name] = all(verdicts.values()) if tier is None else verdicts[tier]
        return found

    def _asked(self, resource: Resource) -> bool:
        return self.policy is not None and _verdict(self.policy, self.subject, resource)


def knowledge_of(user: User) -> Knowledge:
    """By the active policy and the groups as they are now. Two queries."""
    subject = subject_of(user)
    try:
        return Knowledge(subject, compiled_policy())
    except PolicyBroken:
        return Knowledge(subject, None)


def _verdict(policy: CompiledPolicy, subject: Subject, resource: Resource) -> bool:
    proof = Proof() if subject.is_agent else Proof(max(Assurance), 0)
    if policy.has_know:
        answer = policy.ask(Question(subject, Knowing.KNOW, resource, SHORTEST_S, proof=proof))
        if answer.is_allowed:
            return True
        if answer.reason is not Reason.NO_RULE_ALLOWS:
            return False
    questions = (Question(subject, operation, resource, SHORTEST_S, proof=proof) for operation in Operation)
    return any(policy.ask(question).is_allowed for question in questions)

"""What is asked of policy, as plain values. Everything the rules may look at is in a `Question`, nothing else is.

Whoever asks fills these from rows, never from what a client sent: names and tiers that a requester can choose
deceive approver and policy alike (TEAM PR #606).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from jit_access.accounts.models import User
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.scopes import Scope
from jit_access.targets.models import Target
from jit_access.targets.tiers import tiers_of


class Phase(StrEnum):
    """When policy is asked. Rules see it as `context.phase`."""

    REQUEST = "request"
    ACTIVATE = "activate"
    LIVE = "live"  # a grant in use is asked about again


class Knowing(StrEnum):
    """Not an operation, since no grant names it: may somebody know that a thing is there at all?"""

    KNOW = "know"


class Assurance(IntEnum):
    """How strong the proof of identity was; the numbers rise with NIST SP 800-63B's demands."""

    NONE = 0
    PASSWORD = 1
    SECOND_FACTOR = 2
    PHISHING_RESISTANT = 3  # a passkey


@dataclass(frozen=True, slots=True)
class Subject:
    """Who would get the access."""

    id: str
    groups: frozenset[str]
    is_agent: bool
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Resource:
    """One repository at one target, with the tier it has now."""

    target: str
    repository: str
    tier: Tier


@dataclass(frozen=True, slots=True)
class Proof:
    """How the subject proved who they are. For a live grant: as it was when the grant was activated.

    `factor_age_s` is None when no second factor was ever shown.
    """

    assurance: Assurance = Assurance.NONE
    factor_age_s: int | None = None


NO_PROOF = Proof()


@dataclass(frozen=True, slots=True)
class Question:
    """May this subject do this to that, for so long?"""

    subject: Subject
    operation: Operation | Knowing
    resource: Resource
    lasts_s: int
    phase: Phase = Phase.REQUEST
    proof: Proof = NO_PROOF


def subject_of(user: User) -> Subject:
    """The facts about an account that rules may use. One query."""
    groups = frozenset(user.groups.values_list("name", flat=True))
    return Subject(user.public_id, groups, is_agent=not user.is_person, is_active=user.is_active)


def resources_of(target: Target, names: Iterable[str]) -> tuple[Resource, ...]:
    """Resources with their tiers, in the order of the names. One query.

    A name that nobody has catalogued (a first push makes a repository) counts as critical until somebody says less.
    """
    wanted = tuple(names)
    tiers = tiers_of(target, wanted)
    return tuple(Resource(target.slug, name, tiers.get(name, Tier.CRITICAL)) for name in wanted)


def questions_for_scope(
    *, user: User, target: Target, scope: Scope, lasts_s: int, phase: Phase, proof: Proof = NO_PROOF
) -> tuple[Question, ...]:
    """One question for each operation on each repository of a scope; hand them to `services.decide_all`."""
    subject = subject_of(user)
    resources = resources_of(target, (part.repository for part in scope.resources))
    return tuple(
        Question(subject, operation, resource, lasts_s, phase, proof)
        for part, resource in zip(scope.resources, resources, strict=True)
        for operation in sorted(part.operations)
    )


def with_duration(question: Question, lasts_s: int) -> Question:
    """The same question for another length of time."""
    return replace(question, lasts_s=lasts_s)

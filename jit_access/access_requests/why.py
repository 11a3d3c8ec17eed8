"""Why or why not, for whoever may ask: people for themselves and their agents, security and auditors for anybody.

What the asker may not know is not there (ADR 0020): a hidden repository is answered as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jit_access.access_requests.drafts import check_lasts
from jit_access.access_requests.knowing import known_to
from jit_access.access_requests.voices import people_for
from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.audit.services import record_refusal
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import NotFound
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SEES_EVERYTHING
from jit_access.policies.questions import Assurance, Proof, Question, resources_of, subject_of
from jit_access.policies.services import why
from jit_access.policies.why import Why


@dataclass(frozen=True, slots=True)
class Wondering:
    """What is asked about: by words that people type."""

    person: str  # username; empty for oneself
    target: str
    repository: str
    operation: Operation
    lasts_s: int


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer with the person it is about and, by group, who could approve."""

    person: User
    why: Why
    people: Mapping[str, tuple[User, ...]]


def may_ask_for_anybody(actor: User) -> bool:
    """Security and auditors. Roles are for people."""
    return actor.is_active and actor.is_person and bool(groups_of(actor) & SEES_EVERYTHING)


def explain_to(actor: User, wondering: Wondering, *, proof: Proof | None = None) -> Explained:
    """`proof` is the actor's own, where it is known; for anybody else the best one that the account could give.

    Raises: NotFound, recorded, for people and things that are not there for this actor.
    """
    check_lasts(wondering.lasts_s)
    person = _person(actor, wondering.person)
    known = known_to(actor)
    target = known.get_target_for(wondering.target, [wondering.repository])
    (resource,) = resources_of(target, [wondering.repository])
    best = Proof(Assurance.SECOND_FACTOR, 0) if person.is_person else Proof()
    held = proof if proof is not None and person.pk == actor.pk else best
    question = Question(subject_of(person), wondering.operation, resource, wondering.lasts_s, proof=held)
    found = why(question, hides_names=not known.may_read_rules)
    return Explained(person, found, people_for((one.group for one in found.approvals_wanted), person, target))


def _person(actor: User, username: str) -> User:
    if not username or username == actor.username:
        return actor
    found = User.objects.filter(username=username).first()
    if found is not None and (found.owner_id == actor.pk or may_ask_for_anybody(actor)):
        return found
    detail = {"asked": clean_text(username)[:60]}
    record_refusal(actor=actor.ref, kind="policy.why-refused", reason=Reason.NOT_FOUND, detail=detail)
    raise NotFound

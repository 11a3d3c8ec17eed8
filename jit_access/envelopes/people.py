"""Who may sign an envelope: exactly those whom policy would ask if the agent asked, looked up when they sign.

Nobody stands in for anybody here: an envelope is a standing right, not an answer that somebody waits for (ADR 0034).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from jit_access.accounts.models import User
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.reasons import Reason
from jit_access.envelopes.models import Envelope, EnvelopeSignature
from jit_access.envelopes.payloads import approvals_of
from jit_access.grants.asked_people import can_be_met, people_for, refused_people

OPEN_STATES = frozenset({EnvelopeState.PROPOSED, EnvelopeState.ACTIVE, EnvelopeState.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Step:
    """So many of one word must sign. `people` may still; `is_now` while its stage is the one asked."""

    word: str
    needed: int
    stage: int
    given: tuple[EnvelopeSignature, ...]
    people: tuple[User, ...]
    is_now: bool

    @property
    def open(self) -> int:
        """How many signatures it still needs."""
        return max(0, self.needed - len(self.given))


def steps_of(envelope: Envelope) -> tuple[Step, ...]:
    """Each step of the round that is asked now, with who signed and who could."""
    approvals = approvals_of(envelope.payload)
    people = people_for((one.group for one in approvals), envelope.agent, envelope.target)
    signed = standing_signatures(envelope, people={word: {one.pk for one in some} for word, some in people.items()})
    spoken = {one.signer_id for one in envelope.signatures.filter(round=envelope.round)}
    by_word = {one.group: tuple(found for found in signed if found.word == one.group) for one in approvals}
    now = min((one.stage for one in approvals if len(by_word[one.group]) < one.needed), default=0)
    return tuple(
        Step(
            one.group,
            one.needed,
            one.stage,
            by_word[one.group],
            tuple(person for person in people[one.group] if person.pk not in spoken),
            is_now=one.stage == now,
        )
        for one in approvals
    )


def standing_signatures(envelope: Envelope, *, people: dict[str, set[int]]) -> list[EnvelopeSignature]:
    """Approvals of this round, of what is asked now, by somebody who could still give them."""
    rows = envelope.signatures.filter(
        round=envelope.round, is_approval=True, payload_hash=envelope.payload_hash
    ).select_related("signer")
    if not envelope.is_asking:
        return list(rows.order_by("pk"))
    return [one for one in rows.order_by("pk") if one.signer_id in people.get(one.word, set())]


def signed_by_word(envelope: Envelope) -> Counter[str]:
    """How many people of each word stand behind the envelope as it is in force."""
    rows = envelope.signatures.filter(round=envelope.signed_round, is_approval=True)
    return Counter(rows.values_list("word", flat=True))


def refusal_to_sign(actor: User, envelope: Envelope, steps: Iterable[Step]) -> Reason | None:
    """None when this person may sign at all. State, stage and proof are asked elsewhere."""
    if not actor.is_person:
        return Reason.NOT_FOR_AGENTS
    if not actor.is_active:
        return Reason.ACCOUNT_LOCKED
    if actor.pk in barred_people(envelope):
        return Reason.OWN_REQUEST
    if any(one.signer_id == actor.pk for one in envelope.signatures.filter(round=envelope.round)):
        return Reason.ALREADY_ANSWERED
    if not any(one.pk == actor.pk for step in steps for one in step.people):
        return Reason.NOT_AN_APPROVER
    return None


def barred_people(envelope: Envelope) -> frozenset[int]:
    """The agent, whoever answers for it, and whoever proposed: none of them ever signs."""
    return refused_people(envelope.agent) | {envelope.proposer_id}


def choose_step(actor: User, steps: tuple[Step, ...], *, is_approval: bool) -> Step:
    """Where this answer counts, so that all other steps can still be met by other people.

    Raises: PolicyRefusal (not-yet-asked, needed-later, not-an-approver).
    """
    mine = [step for step in steps if any(one.pk == actor.pk for one in step.people)]
    now = min((step.stage for step in steps if step.is_now), default=0)
    within = [step for step in mine if step.stage <= now]
    if mine and not within:
        raise PolicyRefusal(Reason.NOT_YET_ASKED)
    if not is_approval and within:
        return within[-1]
    asked = [step for step in within if step.is_now and step.open]
    for step in asked:
        needs = {one.word: one.open - (one is step) for one in steps}
        others = {one.word: [person.pk for person in one.people if person.pk != actor.pk] for one in steps}
        if can_be_met(needs, others):
            return step
    if not asked:
        sentence = "The people of your group have signed already; others are asked."
        raise PolicyRefusal(Reason.NOT_AN_APPROVER, sentence)
    everybody = {one.word: [person.pk for person in one.people] for one in steps}
    if can_be_met({one.word: one.open for one in steps}, everybody):
        raise PolicyRefusal(Reason.NEEDED_LATER)
    return asked[0]


def asked_people(envelope: Envelope) -> tuple[User, ...]:
    """Everybody whom the question in hand asks, once each, signed or not."""
    words = (one.group for one in approvals_of(envelope.payload))
    found = people_for(words, envelope.agent, envelope.target)
    return tuple(
        {one.pk: one for people in found.values() for one in people if one.pk != envelope.proposer_id}.values()
    )

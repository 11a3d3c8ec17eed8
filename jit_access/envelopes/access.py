"""From an id to an envelope, for an actor: the only way. Hidden and unknown look the same."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.domain.errors import NotFound
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.roles import SECURITY, SEES_EVERYTHING
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.people import OPEN_STATES, asked_people

MOST_LISTED = 200


def get_envelope(actor: User, public_id: str) -> Envelope:
    """An envelope that the actor may see. Raises: NotFound."""
    row = with_related(Envelope.objects.filter(public_id=public_id)).first()
    if row is None or not _may_see(actor, row):
        raise NotFound
    return row


def visible_envelopes(actor: User) -> list[Envelope]:
    """Own ones (as agent, owner or proposer), those that one is asked about or signed; all for security and auditors.

    Open ones first, newest first.
    """
    everything = with_related(Envelope.objects.all()).order_by("-pk")
    if not actor.is_active:
        return []
    if sees_all(actor):
        found = list(everything[:MOST_LISTED])
    else:
        mine = everything.filter(_own(actor) | Q(signatures__signer=actor)).distinct()
        known = {row.pk: row for row in mine[:MOST_LISTED]}
        if actor.is_person:
            asking = everything.filter(state__in=OPEN_STATES).exclude(pk__in=known)
            known |= {row.pk: row for row in asking[:MOST_LISTED] if is_asked(actor, row)}
        found = sorted(known.values(), key=lambda row: -row.pk)
    return sorted(found, key=lambda row: row.state not in OPEN_STATES)


def envelopes_of(actor: User, agent: User) -> list[Envelope]:
    """Those of one agent that the actor may see."""
    rows = with_related(Envelope.objects.filter(agent=agent)).order_by("-pk")[:MOST_LISTED]
    return sorted((row for row in rows if _may_see(actor, row)), key=lambda row: row.state not in OPEN_STATES)


def is_asked(actor: User, envelope: Envelope) -> bool:
    """True for those whom policy asked about it, whether or not they signed."""
    return any(one.pk == actor.pk for one in asked_people(envelope))


def may_end(actor: User, envelope: Envelope) -> bool:
    """Suspend or revoke: who answers for the agent, who proposed, who is asked, and security. Agents never."""
    if not actor.is_active or not actor.is_person or envelope.state not in OPEN_STATES:
        return False
    is_own = actor.pk in {envelope.agent.owner_id, envelope.proposer_id}
    may_deny = envelope.state == EnvelopeState.PROPOSED  # which is what those who are asked do with a proposal
    return is_own or SECURITY in groups_of(actor) or (not may_deny and is_asked(actor, envelope))


def sees_all(actor: User) -> bool:
    """Security and auditors."""
    return actor.is_active and actor.is_person and bool(groups_of(actor) & SEES_EVERYTHING)


def with_related(rows: QuerySet[Envelope]) -> QuerySet[Envelope]:
    """Everything that a page or the API shows of one, in one query."""
    return rows.select_related("agent", "agent__owner", "proposer", "target", "state_by")


def _may_see(actor: User, row: Envelope) -> bool:
    if not actor.is_active:
        return False
    if actor.pk in {row.agent_id, row.agent.owner_id, row.proposer_id} or sees_all(actor):
        return True
    if row.signatures.filter(signer=actor).exists():
        return True
    return actor.is_person and is_asked(actor, row)


def _own(actor: User) -> Q:
    return Q(agent=actor) | Q(agent__owner=actor) | Q(proposer=actor)


def envelopes_waiting(actor: User) -> int | None:
    """For the navigation: how many wait for the actor's signature; None for whom the page would stay empty."""
    if not actor.is_active or not actor.is_person:
        return None
    waiting = len(waiting_for(actor))
    is_there = waiting or sees_all(actor) or actor.service_accounts.exists()
    return waiting if is_there or Envelope.objects.filter(_own(actor) | Q(signatures__signer=actor)).exists() else None


def waiting_for(actor: User) -> list[Envelope]:
    """Those whose round the actor can sign now, soonest end first."""
    if not actor.is_person or not actor.is_active:
        return []
    rows = with_related(Envelope.objects.filter(is_asking=True, state__in=OPEN_STATES))
    asked = [row for row in rows if row.state in OPEN_STATES and is_asked(actor, row)]
    signed = {row.pk for row in asked if row.signatures.filter(round=row.round, signer=actor).exists()}
    due = {EnvelopeState.PROPOSED: "answer_by"}
    return sorted(
        (row for row in asked if row.pk not in signed),
        key=lambda row: getattr(row, due.get(EnvelopeState(row.state), "review_by")),
    )

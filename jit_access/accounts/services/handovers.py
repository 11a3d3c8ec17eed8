"""Giving an agent to another person: one offers, the other accepts. Security names somebody where the owner is gone.

Whoever answered for it before has seen its API tokens, so those end, with every grant that could be used by them.
Callers ask for a fresh second factor first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Q, QuerySet

from jit_access.accounts.changes import announce_end
from jit_access.accounts.models import AccountKind, AgentHandover, HandoverOutcome, StoppedBecause, User
from jit_access.accounts.news import Message, say
from jit_access.accounts.refusals import refusals_recorded
from jit_access.accounts.selectors import groups_of, is_in, members_of
from jit_access.accounts.services.agents import check_may_own, end_tokens, lock_account_row, set_going
from jit_access.accounts.services.membership import remove_from_group
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY, TICKET_SYSTEMS

OFFER_LASTS: Final = timedelta(days=7)
NOTE_CHARS: Final = 300


def may_offer(actor: User, agent: User) -> bool:
    """Its owner; and security, while nobody answers for it."""
    if agent.kind != AccountKind.SERVICE or not actor.is_active or not actor.is_person:
        return False
    if agent.owner_id == actor.pk:
        return True
    is_ownerless = agent.owner is None or not agent.owner.is_active
    return is_ownerless and is_in(actor, SECURITY)


def offer_agent(*, actor: User, agent: User, to: User | None, note: str = "") -> AgentHandover:
    """Ask somebody to answer for an agent. An open offer is replaced.

    Raises: NotFound for whoever may not offer; Conflict (agent-retired); CallerError for somebody who cannot own it.
    """
    with (
        refusals_recorded(actor=actor.ref, kind="agent.offer", account=agent.public_id),
        audited(actor=actor.ref) as audit,
    ):
        locked = _lock(agent)
        if not may_offer(actor, locked):
            raise NotFound
        if locked.stopped_because == StoppedBecause.RETIRED:
            raise Conflict(Reason.AGENT_RETIRED)
        if to is None or not to.is_person or not to.is_active or to.pk == locked.owner_id:
            raise CallerError(Reason.INVALID_INPUT, "Name another person here who can act.", field="to")
        if len(note) > NOTE_CHARS:
            raise CallerError(Reason.INVALID_INPUT, f"A note has at most {NOTE_CHARS} characters.", field="note")
        now = clock.now()
        _close(AgentHandover.objects.filter(agent=locked, closed_at=None), HandoverOutcome.WITHDRAWN)
        offer = AgentHandover.objects.create(
            agent=locked, offered_by=actor, to=to, note=clean_text(note), expires_at=now + OFFER_LASTS
        )
        audit.record(
            "agent.offered", detail={"account": locked.public_id, "to": to.public_id, "offer": offer.public_id}
        )
        say(
            Message(
                kind="agent-offered",
                people=(to,),
                subject=f"{actor.display_name} asks you to answer for {locked.display_name}",
                text=f"{locked.purpose or 'A service account.'}\nNothing changes until you accept, within 7 days.",
                path=f"/agents/{locked.public_id}",
                key=f"agent-offered:{offer.public_id}",
            )
        )
    return offer


def accept_agent(*, actor: User, offer: AgentHandover) -> User:
    """Answer for an agent from now on. Its API tokens and grants end; what its former owner had is worth nothing.

    Raises: NotFound for anybody else; Conflict (offer-closed); PolicyRefusal as for a new agent.
    """
    with (
        refusals_recorded(actor=actor.ref, kind="agent.accept", account=offer.agent.public_id),
        audited(actor=actor.ref) as audit,
    ):
        agent, before = _lock(offer.agent), offer.agent.owner
        held = _lock_open(offer, to=actor)
        check_may_own(lock_account_row(actor))
        if not may_offer(held.offered_by, agent):
            raise Conflict(Reason.OFFER_CLOSED)  # whoever offered it does not answer for it any more
        _close(AgentHandover.objects.filter(pk=held.pk), HandoverOutcome.ACCEPTED)
        was_ownerless = agent.stopped_because == StoppedBecause.OWNER_GONE
        agent.owner = actor
        agent.save(update_fields=["owner"])
        for name in sorted(groups_of(agent) - groups_of(actor) - {TICKET_SYSTEMS}):
            remove_from_group(actor=actor.ref, user=agent, group=name)
        end_tokens(agent, Reason.OWNER_CHANGED)
        announce_end(agent, Reason.OWNER_CHANGED)
        if was_ownerless:
            set_going(audit, agent)
        former = before.public_id if before is not None else ""
        audit.record("agent.handed-over", detail={"account": agent.public_id, "to": actor.public_id, "from": former})
        _tell_of_new_owner(held, agent, before)
    return agent


def decline_agent(*, actor: User, offer: AgentHandover) -> AgentHandover:
    """Say no to an offer. A repeat changes nothing. Raises: NotFound, Conflict (offer-closed)."""
    with refusals_recorded(actor=actor.ref, kind="agent.decline", account=offer.agent.public_id):
        return _end(actor, offer, HandoverOutcome.DECLINED, to=actor)


def withdraw_offer(*, actor: User, offer: AgentHandover) -> AgentHandover:
    """Take an offer back. A repeat changes nothing. Raises: NotFound, Conflict (offer-closed)."""
    with refusals_recorded(actor=actor.ref, kind="agent.withdraw", account=offer.agent.public_id):
        if not may_offer(actor, offer.agent):
            raise NotFound
        return _end(actor, offer, HandoverOutcome.WITHDRAWN)


def _end(actor: User, offer: AgentHandover, outcome: HandoverOutcome, to: User | None = None) -> AgentHandover:
    with audited(actor=actor.ref) as audit:
        _lock(offer.agent)
        current = AgentHandover.objects.get(pk=offer.pk)
        if current.outcome == outcome and (to is None or current.to_id == to.pk):
            return current
        held = _lock_open(offer, to=to)
        _close(AgentHandover.objects.filter(pk=held.pk), outcome)
        held.refresh_from_db()
        audit.record(f"agent.offer-{outcome}", detail={"account": held.agent.public_id, "offer": held.public_id})
        if outcome is HandoverOutcome.DECLINED:
            say(
                Message(
                    kind="agent-declined",
                    people=(held.offered_by,),
                    subject=f"{actor.display_name} does not want to answer for {held.agent.display_name}",
                    text="Nothing changed. Offer it to somebody else.",
                    path=f"/agents/{held.agent.public_id}",
                    key=f"agent-declined:{held.public_id}",
                )
            )
    return held


def _lock_open(offer: AgentHandover, *, to: User | None) -> AgentHandover:
    rows = AgentHandover.objects.select_related("agent", "offered_by", "to").select_for_update(of=("self",))
    held = rows.get(pk=offer.pk)
    if to is not None and held.to_id != to.pk:
        raise NotFound
    if held.closed_at is not None or clock.now() >= held.expires_at:
        raise Conflict(Reason.OFFER_CLOSED)
    return held


def _close(rows: QuerySet[AgentHandover], outcome: HandoverOutcome) -> None:
    now = clock.now()
    rows.filter(Q(closed_at=None), expires_at__lte=now).update(closed_at=now, outcome=HandoverOutcome.EXPIRED)
    rows.filter(closed_at=None).update(closed_at=now, outcome=outcome)


def _lock(agent: User) -> User:
    return User.objects.select_for_update(no_key=True, of=("self",)).select_related("owner").get(pk=agent.pk)


def _tell_of_new_owner(offer: AgentHandover, agent: User, before: User | None) -> None:
    former = (before,) if before is not None and before.is_active else ()
    others = tuple(one for one in members_of(SECURITY) if before is None or not before.is_active)
    say(
        Message(
            kind="agent-handed-over",
            people=tuple(dict.fromkeys((*former, *others))),
            subject=f"{offer.to.display_name} answers for {agent.display_name} now",
            text="Its API tokens and grants ended. Whatever ran by them needs new ones.",
            path=f"/agents/{agent.public_id}",
            key=f"agent-handed-over:{offer.public_id}",
        )
    )

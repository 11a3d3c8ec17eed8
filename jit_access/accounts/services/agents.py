"""Service accounts by those who answer for them: make, describe, suspend, take up again, retire.

Callers ask for a fresh second factor first. Only people own agents, so an agent makes, resumes and extends none; what
an agent may do is never more than its owner may: it is in groups of its owner's alone, and in no protected one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from jit_access.accounts.changes import announce_end
from jit_access.accounts.models import AccountKind, ApiToken, StoppedBecause, User
from jit_access.accounts.names import fold_name
from jit_access.accounts.refusals import refusals_recorded
from jit_access.accounts.selectors import groups_of
from jit_access.accounts.services.membership import add_to_group, remove_from_group, stop_agent
from jit_access.accounts.services.people import check_display_name, create_service_account
from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import TICKET_SYSTEMS

PURPOSE_CHARS: Final = (10, 300)
NAME_RULE: Final = "A name has 3 to 40 small letters, digits and -, and begins with a letter."
_NAME = re.compile(r"[a-z](?:-?[a-z0-9]){2,39}")


@dataclass(frozen=True, slots=True)
class AgentOrder:
    """A service account as somebody wants it. `groups` are some of their own."""

    name: str
    purpose: str
    display_name: str = ""
    groups: frozenset[str] = frozenset()


def may_own_agents(person: User) -> bool:
    """True for people in a group that may own service accounts. Without such a setting nobody may."""
    return person.is_person and person.is_active and bool(groups_of(person) & settings.AGENT_OWNER_GROUPS)


def groups_to_give(person: User) -> frozenset[str]:
    """The groups that a person may put an agent into: their own, except those whose members decide or are named."""
    return groups_of(person) - settings.PROTECTED_GROUPS - {TICKET_SYSTEMS}


def check_may_make(*, actor: User) -> None:
    """Before a form is shown. Raises: PolicyRefusal as `make_agent`, recorded."""
    with refusals_recorded(actor=actor.ref, kind="agent.make"):
        check_may_own(actor)


def make_agent(*, actor: User, order: AgentOrder) -> User:
    """A service account of one's own.

    Raises: PolicyRefusal (not-for-agents, agents-not-open, too-many-agents); CallerError; Conflict. All recorded.
    """
    with refusals_recorded(actor=actor.ref, kind="agent.make"), audited(actor=actor.ref) as audit:
        owner = lock_account_row(actor)
        check_may_own(owner)
        purpose = check_purpose(order.purpose)
        _check_groups(order.groups, groups_to_give(owner))
        agent = create_service_account(
            actor=actor.ref,
            username=check_agent_name(order.name),
            owner=owner,
            display_name=order.display_name,
            purpose=purpose,
        )
        for name in sorted(order.groups):
            add_to_group(actor=actor.ref, user=agent, group=name)
        audit.record("agent.made", detail={"account": agent.public_id, "purpose": purpose})
    return agent


def describe_agent(*, actor: User, agent: User, display_name: str, purpose: str, groups: Iterable[str]) -> User:
    """Say anew what one's agent is called, what it is for and which of one's groups it is in.

    Groups that it has from operators stay as they are. A group that it loses counts at once. Raises as `make_agent`.
    """
    with (
        refusals_recorded(actor=actor.ref, kind="agent.change", account=agent.public_id),
        audited(actor=actor.ref) as audit,
    ):
        locked = lock_own_agent(actor, agent)
        _refuse_retired(locked)
        wanted, mine = frozenset(groups), groups_to_give(actor)
        has = groups_of(locked)
        _check_groups(wanted - has, mine)
        locked.display_name, locked.purpose = check_display_name(display_name), check_purpose(purpose)
        locked.save(update_fields=["display_name", "purpose"])
        for name in sorted(wanted - has):
            add_to_group(actor=actor.ref, user=locked, group=name)
        for name in sorted((has & mine) - wanted):
            remove_from_group(actor=actor.ref, user=locked, group=name)
        audit.record("agent.changed", detail={"account": locked.public_id, "purpose": locked.purpose})
    agent.display_name, agent.purpose = locked.display_name, locked.purpose
    return locked


def suspend_agent(*, actor: User, agent: User, note: str = "") -> User:
    """Stop one's agent until one takes it up again. Its grants end, its tokens wait. A repeat changes nothing."""
    with (
        refusals_recorded(actor=actor.ref, kind="agent.suspend", account=agent.public_id),
        audited(actor=actor.ref) as audit,
    ):
        locked = lock_own_agent(actor, agent)
        if locked.is_active:
            stop_agent(audit, locked, StoppedBecause.BY_OWNER, note=note)
        elif locked.stopped_because != StoppedBecause.BY_OWNER:
            raise _why_not(locked)
    return _refresh(agent, locked)


def resume_agent(*, actor: User, agent: User) -> User:
    """Take one's agent up again after a suspension, one's own or by one's own absence. What ended stays ended.

    Raises: PolicyRefusal (account-locked) for what security locked; Conflict (agent-retired).
    """
    with (
        refusals_recorded(actor=actor.ref, kind="agent.resume", account=agent.public_id),
        audited(actor=actor.ref) as audit,
    ):
        locked = lock_own_agent(actor, agent)
        if not locked.is_active:
            if locked.stopped_because not in {StoppedBecause.BY_OWNER, StoppedBecause.OWNER_GONE}:
                raise _why_not(locked)
            set_going(audit, locked)
    return _refresh(agent, locked)


def retire_agent(*, actor: User, agent: User) -> User:
    """End one's agent for good: grants and tokens end, the name stays taken. A repeat changes nothing."""
    with (
        refusals_recorded(actor=actor.ref, kind="agent.retire", account=agent.public_id),
        audited(actor=actor.ref) as audit,
    ):
        locked = lock_own_agent(actor, agent)
        if locked.stopped_because != StoppedBecause.RETIRED:
            end_tokens(locked, Reason.AGENT_RETIRED)
            stop_agent(audit, locked, StoppedBecause.RETIRED)
            announce_end(locked, Reason.AGENT_RETIRED)
    return _refresh(agent, locked)


def set_going(audit: Recorder, locked: User) -> None:
    """Open the doors of one locked agent again, in the caller's transaction."""
    locked.is_active, locked.stopped_because = True, ""
    locked.save(update_fields=["is_active", "stopped_because"])
    audit.record("agent.resumed", reason=Reason.GRANTED, detail={"account": locked.public_id})


def end_tokens(agent: User, reason: Reason) -> int:
    """Revoke every API token of an account, waiting ones too. Returns how many."""
    live = ApiToken.objects.filter(user=agent, revoked_at=None)
    return live.update(revoked_at=clock.now(), end_reason=reason, sealed_token="")


def lock_account_row(user: User) -> User:
    """The row as it is now, held until the transaction ends."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def lock_own_agent(actor: User, agent: User) -> User:
    """One's agent as it is now. Raises: NotFound for everybody but its owner, who has to be able to act."""
    locked = User.objects.select_for_update(no_key=True, of=("self",)).select_related("owner").get(pk=agent.pk)
    if locked.kind != AccountKind.SERVICE or locked.owner_id != actor.pk or not actor.is_active:
        raise NotFound
    return locked


def check_may_own(person: User) -> None:
    """Raises: PolicyRefusal unless this person may have one more agent. Their row is locked by the caller."""
    if not person.is_person:
        raise PolicyRefusal(Reason.NOT_FOR_AGENTS)
    if not may_own_agents(person):
        raise PolicyRefusal(Reason.AGENTS_NOT_OPEN)
    kept = person.service_accounts.exclude(stopped_because=StoppedBecause.RETIRED)
    if kept.count() >= settings.AGENTS_PER_PERSON:
        raise PolicyRefusal(Reason.TOO_MANY_AGENTS, at_most=settings.AGENTS_PER_PERSON)


def check_agent_name(text: str) -> str:
    """Stricter than people's names: it stands in commands, and must not look like a colleague. Raises: CallerError."""
    name = fold_name(text)
    if name != text.strip() or not _NAME.fullmatch(name):
        raise CallerError(Reason.NAME_INVALID, NAME_RULE, field="name")
    return name


def check_purpose(text: str) -> str:
    """Raises: CallerError."""
    purpose = clean_text(" ".join(text.split()))
    least, most = PURPOSE_CHARS
    if not least <= len(purpose) <= most:
        raise CallerError(Reason.INVALID_INPUT, f"Say what it is for in {least} to {most} characters.", field="purpose")
    return purpose


def _check_groups(wanted: frozenset[str], allowed: frozenset[str]) -> None:
    if wanted - allowed:
        sentence = "An agent is in groups of its owner's only, and in none whose members are named by operators."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="groups")


def _refuse_retired(agent: User) -> None:
    if agent.stopped_because == StoppedBecause.RETIRED:
        raise Conflict(Reason.AGENT_RETIRED)


def _why_not(agent: User) -> Conflict | PolicyRefusal:
    if agent.stopped_because == StoppedBecause.RETIRED:
        return Conflict(Reason.AGENT_RETIRED)
    if agent.stopped_because == StoppedBecause.OWNER_GONE:
        return Conflict(Reason.STATE_CHANGED, "It is suspended already: its owner was gone.")
    return PolicyRefusal(Reason.ACCOUNT_LOCKED, "Security locked this service account. Ask them.")


def _refresh(agent: User, locked: User) -> User:
    agent.is_active, agent.stopped_because, agent.session_epoch = (
        locked.is_active,
        locked.stopped_because,
        locked.session_epoch,
    )
    return locked

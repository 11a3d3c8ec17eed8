"""Groups and locks: what an account may do, and that losing it counts at once.

Handlers of `accounts.changes` run in the same transaction, so there is no moment at which somebody is out of a group
and still holds what the group gave.
"""

from __future__ import annotations

from django.contrib.auth.models import Group

from jit_access.accounts.changes import announce_loss
from jit_access.accounts.models import StoppedBecause, User
from jit_access.accounts.standing import why_stopped
from jit_access.audit.recorder import Recorder, audited
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason


def add_to_group(*, actor: ActorRef, user: User, group: str) -> None:
    """Let an account into a group, which is made when it is new. A repeat does nothing."""
    if not group or len(group) > 150 or not group.replace("-", "").isalnum() or group != group.lower():
        raise CallerError(Reason.NAME_INVALID, "A group's name has small letters, digits and - only.")
    with audited(actor=actor) as audit:
        locked = _lock(user)
        if locked.groups.filter(name=group).exists():
            return
        locked.groups.add(Group.objects.get_or_create(name=group)[0])
        audit.record("account.group-added", detail={"account": locked.public_id, "group": group})


def remove_from_group(*, actor: ActorRef, user: User, group: str) -> None:
    """Take an account out of a group; everything that rests on the group is looked at again. A repeat does nothing."""
    with audited(actor=actor) as audit:
        locked = _lock(user)
        found = locked.groups.filter(name=group).first()
        if found is None:
            return
        locked.groups.remove(found)
        audit.record(
            "account.group-removed",
            reason=Reason.GROUP_MEMBERSHIP_LOST,
            detail={"account": locked.public_id, "group": group},
        )
        announce_loss(locked, Reason.GROUP_MEMBERSHIP_LOST)
        # What its owner is not in any more is not lent on by a service account.
        for agent in locked.service_accounts.filter(groups=found).order_by("pk"):
            remove_from_group(actor=actor, user=agent, group=group)


def set_manager(*, actor: ActorRef, user: User, manager: User | None) -> None:
    """Say whom a rule's `manager` asks about this person. What the last one approved for them is looked at again.

    A repeat does nothing. Raises: CallerError for a service account on either side, and for oneself.
    """
    if not user.is_person or (manager is not None and not manager.is_person):
        raise CallerError(Reason.INVALID_INPUT, "People have managers; a service account has its owner's.")
    if manager is not None and manager.pk == user.pk:
        raise CallerError(Reason.INVALID_INPUT, "Nobody manages themselves.")
    with audited(actor=actor) as audit:
        locked = _lock(user)
        before = locked.manager
        if locked.manager_id == (manager.pk if manager else None):
            return
        locked.manager = manager
        locked.save(update_fields=["manager"])
        audit.record(
            "account.manager-set",
            detail={"account": locked.public_id, "manager": manager.public_id if manager else ""},
        )
        if before is not None:
            announce_loss(before, Reason.APPROVER_CHANGED)
    user.manager = manager


def lock_account(*, actor: ActorRef, user: User, note: str = "") -> None:
    """Nothing of this account works from now on: sessions, API tokens, grants, and its service accounts'.

    A repeat ends nothing more, but is told: whoever locked first may no longer be the one who unlocks.
    `note` says why, in the log.
    """
    with audited(actor=actor) as audit:
        locked = _lock(user)
        if not locked.is_active:
            facts = {"account": locked.public_id, "note": note[:300], "was": "locked"}
            if locked.stopped_because and locked.stopped_because != StoppedBecause.RETIRED:
                locked.stopped_because = ""  # from now on it is security that unlocks it, and no owner
                locked.save(update_fields=["stopped_because"])
            audit.record("account.locked", reason=Reason.ACCOUNT_LOCKED, detail=facts)
            announce_loss(locked, Reason.ACCOUNT_LOCKED)
            return
        _set_active(audit, locked, is_active=False, note=note)
        announce_loss(locked, Reason.ACCOUNT_LOCKED)
        for machine in locked.service_accounts.select_for_update(no_key=True).filter(is_active=True).order_by("pk"):
            stop_agent(audit, machine, StoppedBecause.OWNER_GONE)
    user.is_active, user.session_epoch = locked.is_active, locked.session_epoch


def unlock_account(*, actor: ActorRef, user: User, note: str = "") -> None:
    """The account may act again. What ended with the lock stays ended. A repeat does nothing.

    Agents that stopped with their owner stay so until that owner, or a new one, takes them up again.
    Raises: Conflict (agent-retired); CallerError (agent-without-owner) for one whose owner cannot act.
    """
    with audited(actor=actor) as audit:
        locked = _lock(user)
        if locked.is_active:
            return
        if locked.stopped_because == StoppedBecause.RETIRED:
            raise Conflict(Reason.AGENT_RETIRED)
        if locked.owner is not None and not locked.owner.is_active:
            raise Conflict(Reason.AGENT_WITHOUT_OWNER)
        _set_active(audit, locked, is_active=True, note=note)
    user.is_active, user.session_epoch = locked.is_active, locked.session_epoch


def stop_agent(audit: Recorder, locked: User, because: StoppedBecause, *, note: str = "") -> None:
    """Shut every door of one locked agent, in the caller's transaction."""
    locked.is_active, locked.stopped_because = False, because
    locked.session_epoch += 1
    locked.save(update_fields=["is_active", "stopped_because", "session_epoch"])
    reason = why_stopped(locked) or Reason.ACCOUNT_LOCKED
    kind = "agent.retired" if because is StoppedBecause.RETIRED else "agent.suspended"
    audit.record(kind, reason=reason, detail={"account": locked.public_id, "note": clean_text(note[:300])})
    announce_loss(locked, reason)


def _set_active(audit: Recorder, locked: User, *, is_active: bool, note: str) -> None:
    locked.is_active = is_active
    locked.stopped_because = ""
    locked.session_epoch += 1
    locked.save(update_fields=["is_active", "stopped_because", "session_epoch"])
    kind = "account.unlocked" if is_active else "account.locked"
    reason = "" if is_active else Reason.ACCOUNT_LOCKED
    audit.record(kind, reason=reason, detail={"account": locked.public_id, "note": note[:300]})


def _lock(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)  # rows that refer to it may be made meanwhile

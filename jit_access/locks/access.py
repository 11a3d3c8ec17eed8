"""Who may place and see locks, and the way from an id to one. Hidden and unknown look the same."""

from __future__ import annotations

from jit_access.accounts.models import User
from jit_access.accounts.selectors import is_in
from jit_access.audit.services import record_refusal
from jit_access.domain.errors import NotFound
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import AUDITORS, SECURITY
from jit_access.locks.models import Lock


def may_lock(actor: User) -> bool:
    """Security, and people only: a pipeline that could would be the shortest way to stop a company."""
    return actor.is_person and is_in(actor, SECURITY)


def may_see_locks(actor: User) -> bool:
    """Security and auditors."""
    return actor.is_person and is_in(actor, SECURITY, AUDITORS)


def require_security(actor: User) -> None:
    """Raises: NotFound, recorded, for everybody else."""
    if not may_lock(actor):
        record_refusal(actor=actor.ref, kind="lock.refused", reason=Reason.NOT_FOUND)
        raise NotFound


def get_lock(*, actor: User, public_id: str) -> Lock:
    """A lock that the actor may see. Raises: NotFound."""
    lock = Lock.objects.select_related("placed_by").filter(public_id=public_id).first()
    if lock is None or not may_see_locks(actor):
        raise NotFound
    return lock

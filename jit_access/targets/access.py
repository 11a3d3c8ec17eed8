"""Who may manage targets. The only way from a name to a target for somebody who manages it.

Who may know of a target or repository at all is for policy, which is above this floor: `access_requests.knowing`.
"""

from __future__ import annotations

from typing import Any, Protocol

from jit_access.audit.services import record_refusal
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import NotFound
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import OPERATORS
from jit_access.targets.models import Repository, Target


class Actor(Protocol):
    """An account, as far as this room needs to know it."""

    is_active: Any

    @property
    def ref(self) -> ActorRef: ...
    @property
    def is_person(self) -> bool: ...
    @property
    def groups(self) -> Any: ...


def is_operator(actor: Actor) -> bool:
    """Only people manage targets; a pipeline that could would hold the keys of every registry."""
    if not actor.is_active:
        return False
    if not actor.is_person:
        return False
    return bool(actor.groups.filter(name=OPERATORS).exists())


def require_operator(actor: Actor) -> None:
    """Raises NotFound, recorded, for everybody who is not an operator: they learn nothing of what is there."""
    if not is_operator(actor):
        record_refusal(actor=actor.ref, kind="target.management-refused", reason=Reason.NOT_FOUND)
        raise NotFound


def get_managed_target(actor: Actor, name: str) -> Target:
    """A target by slug or public id, for an operator. Raises NotFound."""
    require_operator(actor)
    target = _find(name)
    if target is None:
        raise NotFound
    return target


def get_managed_repository(actor: Actor, public_id: str) -> Repository:
    """A repository by public id, for an operator. Raises NotFound."""
    require_operator(actor)
    repository = Repository.objects.select_related("target").filter(public_id=public_id).first()
    if repository is None:
        raise NotFound
    return repository


def _find(name: str) -> Target | None:
    # Public ids hold an underscore and slugs never do, so one cannot pass for the other.
    column = "public_id" if "_" in name else "slug"
    return Target.objects.filter(**{column: name}).first()

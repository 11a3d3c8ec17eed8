"""Taking away what one grant alone holds at a target, while other grants of the same subject come and go.

No lock is held while the target answers. So each round looks under the entitlements' locks, and only the round that
finds nothing left to remove lets go of the claims, in the same transaction in which the grant is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.grants import claims, selectors, upstream
from jit_access.grants.models import Entitlement, Grant

Conclude = Callable[[Grant, Recorder], None]


@dataclass(frozen=True, slots=True)
class _Round:
    """What one look under the locks found."""

    todo: tuple[Entitlement, ...]
    restore: tuple[Entitlement, ...] = ()


def remove_access_of(grant: Grant, *, conclude: Conclude) -> None:
    """Remove, release, conclude. `conclude` moves the locked grant to its last state, or raises and nothing happened.

    Raises: PeerError when the target did not give it back; Conflict from `conclude`.
    """
    removed: dict[int, Entitlement] = {}
    while (found := _look(grant, removed, conclude)).todo:
        upstream.remove_access(grant, found.todo)
        removed |= {item.pk: item for item in found.todo}
    if found.restore:
        # Another grant claimed the same entitlement while it was being taken away: it is theirs, give it back.
        upstream.ensure_access(grant, found.restore)


def _look(grant: Grant, removed: dict[int, Entitlement], conclude: Conclude) -> _Round:
    with audited(actor=GATEWAY) as audit:
        locked = selectors.lock_grant(grant.pk)
        held = claims.claimed_by(grant.pk)
        ours_alone = claims.held_by_nobody_else(grant.pk, held)
        todo = tuple(item for item in held if item.pk in ours_alone and item.pk not in removed)
        if todo and upstream.has_work_at(grant.target_id):
            return _Round(todo)
        claims.release(grant.pk, at=clock.now())
        conclude(locked, audit)
    return _Round((), tuple(item for pk, item in removed.items() if pk not in ours_alone))

"""The slow half of ending a grant: what exists at the target goes, then the grant is over.

A worker claims a grant for a minute. If it dies, the claim runs out and the next one starts again; every step may be
done twice. What a target refuses to give back is tried for ever, shown as exposed, and told to security at once.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import chain, zip_longest

import structlog
from django.db.models import F, Q

from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.credentials import services as credentials
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, GatewayError, PeerError
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors, upstream
from jit_access.grants.changes import move_grant
from jit_access.grants.models import Grant
from jit_access.grants.news import tell_security_of_exposure
from jit_access.grants.services.removal import remove_access_of

CLAIM_S = 60  # longer than one target's answer may take, short enough that a killed worker is not missed for long
FIRST_RETRY_S = 2
MAX_RETRY_S = 300
PER_TARGET = 4  # at once: one slow target must not keep the others waiting
_UNFINISHED = (GrantState.REVOKING, GrantState.REVOKE_FAILED)

log = structlog.get_logger(__name__)


def finish_revocation(*, grant_id: int) -> bool:
    """Remove what is left of one ending grant. True when it is over now; False when nothing was due or it must wait."""
    grant = _claim(grant_id)
    if grant is None:
        return False
    try:
        remove_access_of(grant, conclude=_conclude)
    except Conflict:
        return False  # another worker, whose claim came after ours ran out, got there first
    except GatewayError as exc:  # the target's refusal, or a credential of ours that no longer opens
        _note_failure(grant, exc)
        return False
    return True


def due_revocations(*, limit: int = 200) -> list[int]:
    """Ids of grants whose next attempt is due, taken from the targets in turn, few per target at once."""
    now = clock.now()
    waiting = Grant.objects.filter(state__in=_UNFINISHED)
    busy: dict[int, int] = defaultdict(int)
    for target_id in waiting.filter(claimed_until__gt=now).values_list("target_id", flat=True):
        busy[target_id] += 1
    by_target: dict[int, list[int]] = defaultdict(list)
    due = waiting.filter(_free_at(now)).order_by("next_attempt_at", "pk").values_list("pk", "target_id")
    slow = {
        target_id for target_id in set(waiting.values_list("target_id", flat=True)) if upstream.has_work_at(target_id)
    }
    for pk, target_id in due:
        if busy[target_id] < (PER_TARGET if target_id in slow else limit):
            busy[target_id] += 1
            by_target[target_id].append(pk)
    in_turn = chain.from_iterable(zip_longest(*by_target.values()))
    return [pk for pk in in_turn if pk is not None][:limit]


def _free_at(now: datetime) -> Q:
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return unclaimed & (Q(next_attempt_at=None) | Q(next_attempt_at__lte=now))


def _claim(grant_id: int) -> Grant | None:
    now = clock.now()
    mine = Grant.objects.filter(_free_at(now), pk=grant_id, state__in=_UNFINISHED).update(
        claimed_until=now + timedelta(seconds=CLAIM_S), revoke_attempts=F("revoke_attempts") + 1
    )
    if mine != 1:
        return None
    return selectors.with_related(Grant.objects.filter(pk=grant_id)).get()


def _conclude(locked: Grant, audit: Recorder) -> None:
    credentials.confirm_revocation(actor=GATEWAY, grant_id=locked.pk, grant=locked.public_id, target=locked.target.slug)
    move_grant(locked, GrantState.ENDED, exposed_since=None, next_attempt_at=None, claimed_until=None)
    audit.record(
        "grant.ended",
        reason=Reason(locked.end_reason),
        grant=locked.public_id,
        target=locked.target.slug,
        detail={"attempts": locked.revoke_attempts},
    )


def _note_failure(grant: Grant, problem: GatewayError) -> None:
    """It stays on the list for ever: later each time, never later than five minutes."""
    with audited(actor=GATEWAY) as audit:
        locked = selectors.lock_grant(grant.pk)
        now = clock.now()
        wait_s = min(MAX_RETRY_S, FIRST_RETRY_S * 2 ** min(locked.revoke_attempts, 16))
        again_at = now + timedelta(seconds=wait_s)
        if locked.state == GrantState.REVOKING:
            move_grant(
                locked, GrantState.REVOKE_FAILED, exposed_since=now, next_attempt_at=again_at, claimed_until=None
            )
            tell_security_of_exposure(locked)
        elif locked.state == GrantState.REVOKE_FAILED:
            Grant.objects.filter(pk=locked.pk).update(next_attempt_at=again_at, claimed_until=None)
        else:
            return  # another worker finished it meanwhile
        is_retryable = isinstance(problem, PeerError) and problem.retryable
        audit.record(
            "grant.revoke_failed",
            reason=problem.reason,
            grant=locked.public_id,
            target=locked.target.slug,
            detail={"attempts": locked.revoke_attempts, "again_in_s": wait_s, "retryable": is_retryable},
        )
    log.warning("grant.revoke_failed", grant=grant.public_id, reason=str(problem.reason), again_in_s=wait_s)

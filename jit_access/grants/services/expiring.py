"""What ran out by itself: noticed by due-row queries, as often as the beat comes round, safe to run twice."""

from __future__ import annotations

import structlog

from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.credentials import services as credentials
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.models import Grant
from jit_access.grants.services.ending import Ending, close_grants

BATCH = 200  # grants per transaction: one message to the proxies, locks held briefly

log = structlog.get_logger(__name__)


def expire_due_grants() -> int:
    """Write down which grants ran out or were never started, and end activations whose worker died.

    Access ended at the instant itself, by comparison in the proxy; this starts the work that follows.
    """
    count = 0
    while ids := list(selectors.due_for_expiry(now=clock.now()).values_list("pk", flat=True)[:BATCH]):
        expired = _expire_together(ids)
        count += expired
        if not expired:
            break  # what is left is locked by somebody or broken; the next round looks again
    return count + _end_stuck_activations() + credentials.expire_due()


def _expire_together(ids: list[int]) -> int:
    try:
        return _expire(ids)
    except GatewayError:
        # One row that cannot be told of must not keep the others from ending.
        return sum(_expire_alone(pk) for pk in ids)


def _expire_alone(pk: int) -> int:
    try:
        return _expire([pk])
    except GatewayError:
        log.exception("grant.expiry_failed", grant=pk)
        return 0


def _expire(ids: list[int]) -> int:
    with audited(actor=GATEWAY):
        due = selectors.due_for_expiry(now=clock.now()).filter(pk__in=ids)
        rows = due.select_related("subject", "target", "request")
        grants = list(rows.select_for_update(skip_locked=True, of=("self",), no_key=True))
        late, ran_out = _split(grants)
        return close_grants(ran_out, Ending(Reason.GRANT_EXPIRED)) + close_grants(late, Ending(Reason.START_TOO_LATE))


def _split(grants: list[Grant]) -> tuple[list[Grant], list[Grant]]:
    late = [grant for grant in grants if grant.state == GrantState.SCHEDULED]
    return late, [grant for grant in grants if grant.state != GrantState.SCHEDULED]


def _end_stuck_activations() -> int:
    ids = list(selectors.stuck_activations(now=clock.now()).values_list("pk", flat=True)[:BATCH])
    with audited(actor=GATEWAY):
        stuck = [grant for pk in ids if (grant := selectors.lock_grant(pk)).state == GrantState.ACTIVATING]
        return close_grants(stuck, Ending(Reason.INTERNAL_ERROR))

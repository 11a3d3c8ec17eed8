"""What ran out by itself: noticed by due-row queries, as often as the beat comes round, safe to run twice."""

from __future__ import annotations

from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.credentials import services as credentials
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.services.ending import Ending, close_grants

BATCH = 200  # grants per transaction: one message to the proxies, locks held briefly


def expire_due_grants() -> int:
    """Write down which grants ran out or were never started, and end activations whose worker died.

    Access ended at the instant itself, by comparison in the proxy; this starts the work that follows.
    """
    count = 0
    while batch := _expire_batch():
        count += batch
    return count + _end_stuck_activations() + credentials.expire_due()


def _expire_batch() -> int:
    with audited(actor=GATEWAY):
        now = clock.now()
        due = selectors.due_for_expiry(now=now).select_related("subject", "target", "request")
        grants = list(due.select_for_update(skip_locked=True, of=("self",), no_key=True)[:BATCH])
        late = [grant for grant in grants if grant.state == GrantState.SCHEDULED]
        ran_out = [grant for grant in grants if grant.state != GrantState.SCHEDULED]
        return close_grants(ran_out, Ending(Reason.GRANT_EXPIRED)) + close_grants(late, Ending(Reason.START_TOO_LATE))


def _end_stuck_activations() -> int:
    ids = list(selectors.stuck_activations(now=clock.now()).values_list("pk", flat=True)[:BATCH])
    with audited(actor=GATEWAY):
        stuck = [grant for pk in ids if (grant := selectors.lock_grant(pk)).state == GrantState.ACTIVATING]
        return close_grants(stuck, Ending(Reason.INTERNAL_ERROR))

"""Refusals that anybody can cause as often as they like: recorded one by one at first, then by doublings."""

from __future__ import annotations

import time
from typing import Final, Unpack

from jit_access.audit.recorder import RecordFacts
from jit_access.audit.services import record_refusal
from jit_access.domain.actors import ActorRef
from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from jit_access.domain.tally import Tally, is_worth_a_record

FREE: Final = 10  # records of one kind a minute from one network
FREE_TOGETHER: Final = 300  # and from everywhere: changing the address buys no more
_by_network, _together = Tally(), Tally()


def record_outside_refusal(*, actor: ActorRef, kind: str, reason: Reason, **fields: Unpack[RecordFacts]) -> int:
    """Count a refusal by its `address` and write it when it is worth a record.

    The record's `within_a_minute` says how many there were by then. Returns the count for this network, so that
    callers can refuse more shortly.
    """
    now, what = time.monotonic(), f"{kind} {reason}"
    count = _by_network.add(f"{what} {actor.id} {network_of(fields.get('address', ''))}", now=now)
    if is_worth_a_record(count, free=FREE) and is_worth_a_record(_together.add(what, now=now), free=FREE_TOGETHER):
        counted = {"within_a_minute": count} if count > FREE else {}
        fields["detail"] = {**fields.get("detail", {}), **counted}
        record_refusal(actor=actor, kind=kind, reason=reason, **fields)
    return count


def forget() -> None:
    """Begin anew; for tests."""
    _by_network.forget()
    _together.forget()

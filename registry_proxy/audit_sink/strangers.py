"""Refusals that somebody can cause as often as they like: recorded one by one at first, then by doublings.

A record for each would let a stranger fill the spool, and a full spool refuses everybody. The metrics count each one.
The control plane does the same for its own outside, in `audit.outside`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Unpack

from jit_access.domain.tally import Tally, is_worth_a_record
from registry_proxy.audit_sink.sink import AuditSink, RecordFields
from registry_proxy.settings import Limits


class StrangersBrake:
    """Counts within a minute by whom and why; one per process."""

    def __init__(self, sink: AuditSink, limits: Limits, ticks: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._free, self._free_together = limits.stranger_records, limits.stranger_records_together
        self._ticks = ticks
        self._by_whom, self._together = Tally(), Tally()

    def note(self, kind: str, whom: str, **fields: Unpack[RecordFields]) -> None:
        """Note it when it is worth a record. `whom` is a network, or a grant that asks too much.

        The record's `within_a_minute` says how many there were by then, those left out included.
        """
        now, what = self._ticks(), f"{kind} {fields.get('reason', '')}"
        count = self._by_whom.add(f"{what} {whom}", now=now)
        if not is_worth_a_record(count, free=self._free):
            return
        if not is_worth_a_record(self._together.add(what, now=now), free=self._free_together):
            return
        if count > self._free:
            fields["detail"] = {**fields.get("detail", {}), "within_a_minute": count}
        self._sink.note(self._sink.new_record(kind, **fields))

"""The write before each heartbeat, and the time that goes out with it.

A database that answers but takes no writes (a standby, a full disk, `default_transaction_read_only`) cannot commit a
revocation, so it must not look alive: the heartbeat is worth what was written for it.

The same row remembers the latest time that was ever told. A database clock that is set back would give ended grants
more time, to a proxy that has just started too; so what is told goes on from there instead (ADR 0014).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from jit_access.core import clock
from jit_access.proxy_sessions.models import Pulse

ONLY = 1
# Gives way as slowly as ntp_adjtime(2) slews a clock: enough for drift and small steps, nothing that an attacker gains.
MAX_SLEW = 500e-6


@dataclass(frozen=True, slots=True)
class ToldTime:
    """`told` is for the proxies; `ahead` says how far the database's clock has fallen behind it."""

    told: datetime
    ahead: timedelta


def take_pulse(*, since_last: timedelta = timedelta()) -> ToldTime:
    """Write, and return the time to tell. Raises DatabaseError while nothing can be written.

    `since_last` is what has passed since the caller's last one, by a clock that nobody sets: the time that is told runs
    on by it while the database's clock is behind.
    """
    while True:
        now = clock.now()
        row = Pulse.objects.filter(pk=ONLY).first()
        if row is None:
            Pulse.objects.create(pk=ONLY, read_at=now, told_at=now)
            return ToldTime(now, timedelta())
        time = _go_on(row, now, since_last)
        # Conditional, so that of two publishers neither writes an older time over a newer one.
        unchanged = Pulse.objects.filter(pk=ONLY, read_at=row.read_at, told_at=row.told_at)
        if unchanged.update(read_at=now, told_at=time.told):
            return time


def read_told_time() -> ToldTime:
    """The time that was told last, or the clock's when that is later. Writes nothing."""
    now = clock.now()
    row = Pulse.objects.filter(pk=ONLY).first()
    return _go_on(row, now, timedelta()) if row is not None else ToldTime(now, timedelta())


def trust_clock() -> None:
    """Take the database's clock as it is, also when it was ahead once. For an operator who knows which was wrong."""
    now = clock.now()
    Pulse.objects.filter(pk=ONLY).update(read_at=now, told_at=now)


def _go_on(row: Pulse, now: datetime, since_last: timedelta) -> ToldTime:
    # The lesser: another publisher may have gone on meanwhile, and a clock that is set right jumps.
    passed = max(min(now - row.read_at, since_last), timedelta())
    told = max(now, row.told_at + passed * (1 - MAX_SLEW))
    return ToldTime(told, told - now)

"""From "revoked" to the last byte that a client still gets.

The gateway's clock starts at the commit of the revocation in the database, the peers' when their command is given.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.control.grants import get_grant, revoke
from benchmarks.loads.client import Order
from benchmarks.loads.running import running_load
from benchmarks.peers.base import Visit
from benchmarks.processes import CannotMeasure
from benchmarks.ratios import quantile
from benchmarks.scenarios.base import Ground, Values
from benchmarks.site import ENDLESS, MIB

_WARM_S = 0.4


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast each client reads. A small receive buffer leaves only what the gateway itself is answerable for."""

    name: str
    rate: float
    receive_buffer: int = 0


FULL = Pace("full speed", 0.0)
BRISK = Pace("50 MiB/s", 50.0 * MIB)
SLOW = Pace("200 KiB/s", 200.0 * 1024, 4096)
SINGLE = tuple((1, pace) for pace in (FULL, BRISK))
GROUPS = tuple((streams, pace) for streams in (16, 64) for pace in (SLOW, BRISK, FULL))


def measure_single(ground: Ground, visit: Visit) -> Iterator[tuple[str, Values]]:
    """One client, many times."""
    yield from _measure(ground, visit, SINGLE, ground.plan.single_cuts)


def measure_groups(ground: Ground, visit: Visit) -> Iterator[tuple[str, Values]]:
    """Many clients of one grant, who all have to be cut."""
    yield from _measure(ground, visit, GROUPS, ground.plan.group_cuts)


def _measure(
    ground: Ground, visit: Visit, cases: tuple[tuple[int, Pace], ...], repeats: int
) -> Iterator[tuple[str, Values]]:
    for streams, pace in cases:
        # What HAProxy's kernel still holds takes a slow client 20 s to read: seen once, that is enough.
        is_long = pace is SLOW and not visit.door.slug
        for _ in range(1 if is_long else repeats):
            yield f"cut/{streams}/{pace.name}", cut_once(ground, visit, streams, pace)


def cut_once(ground: Ground, visit: Visit, streams: int, pace: Pace) -> Values:
    """Open, let run, end, and see what still comes. Raises CannotMeasure when a stream ended before or never."""
    held = get_grant(visit.door.slug) if visit.door.slug else None
    door = replace(visit.door, token=held.token) if held else visit.door
    order = Order.at(
        ground.site, door, f"blobs/{ENDLESS}", streams=streams, rate=pace.rate, receive_buffer=pace.receive_buffer
    )  # fmt: skip
    with running_load(ground.site, "cut", order) as load:
        load.next_word()
        time.sleep(_WARM_S)
        if held is not None:
            revoked_at = revoke(held)
        elif visit.cut is not None:
            revoked_at = visit.cut()
        else:
            raise CannotMeasure("there is no way to end a running transfer")
        seen = load.next_word()["streams"]
    return judge(seen, revoked_at)


def judge(streams: list[dict[str, Any]], revoked_at: float) -> Values:
    """What the clients saw, in milliseconds and MiB after the revocation."""
    if any(not stream["ended_at"] for stream in streams):
        raise CannotMeasure("a stream was not cut")
    if any(stream["ended_at"] < revoked_at for stream in streams):
        raise CannotMeasure("a stream ended before it was cut")
    last, after = [], []
    for stream in streams:
        late = [(at, count) for at, count in stream["reads"] if at > revoked_at]
        last.append((late[-1][0] - revoked_at) * 1000 if late else 0.0)
        after.append(sum(count for _, count in late) / MIB)
    ended = [(stream["ended_at"] - revoked_at) * 1000 for stream in streams]
    return {
        "last_ms_p50": quantile(last, 0.5),
        "last_ms_p99": quantile(last, 0.99),
        "ended_ms_p50": quantile(ended, 0.5),
        "ended_ms_p99": quantile(ended, 0.99),
        "after_mib_p50": quantile(after, 0.5),
        "after_mib_max": max(after),
        "resets": sum(stream["how"] == "reset" for stream in streams) / len(streams),
    }

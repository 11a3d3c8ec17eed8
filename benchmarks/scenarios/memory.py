"""What streams, slow readers and idle connections cost in memory of the process tree."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.loads.client import Order
from benchmarks.loads.hold import STALLED as STALLED_MODE
from benchmarks.loads.running import run_load, running_load
from benchmarks.loads.wrk import run_wrk
from benchmarks.peers.base import Visit
from benchmarks.scenarios.base import Ground, Reading, Values
from benchmarks.scenarios.blobs import move
from benchmarks.scenarios.requests import TAIL
from benchmarks.site import GIB, MIB, STALLED

STREAMS = 8
SLOW_BYTES_S = 20 * MIB
SLOW_S = 4.0
_KIB = 1024


def measure_streams(ground: Ground, visit: Visit) -> Iterator[tuple[str, Values]]:
    """Eight whole layers at once, then eight slow readers of it."""
    yield "memory/streams", move(ground, visit, "down", streams=STREAMS, blob=ground.large)
    pace = {"rate": float(SLOW_BYTES_S), "seconds": SLOW_S}
    order = Order.at(ground.site, visit.door, f"blobs/{ground.large.digest}", streams=STREAMS, **pace)
    reading = Reading(ground, visit)
    word = run_load(ground.site, "download", order)
    yield "memory/slow-readers", reading.values("gib", word["bytes"] / GIB, 1.0)


def measure_idle(ground: Ground, visit: Visit) -> Iterator[tuple[str, Values]]:
    """Connections between two requests."""
    run_wrk(ground.site, visit.door, TAIL, connections=32, seconds=1.0)
    order = Order.at(ground.site, visit.door, TAIL, streams=ground.plan.idle)
    yield "memory/idle", _hold(ground, visit, order)


def measure_stalled(ground: Ground, visit: Visit) -> Iterator[tuple[str, Values]]:
    """Downloads that began and do not go on: what a watch looks like."""
    first = Order.at(ground.site, visit.door, f"blobs/{STALLED}", streams=8, file=STALLED_MODE)
    _hold(ground, visit, first)
    order = Order.at(ground.site, visit.door, f"blobs/{STALLED}", streams=ground.plan.idle, file=STALLED_MODE)
    yield "memory/stalled", _hold(ground, visit, order)


def _hold(ground: Ground, visit: Visit, order: Order) -> Values:
    before = visit.meter.rss_bytes()
    with running_load(ground.site, "hold", order) as load:
        load.next_word()
        held = visit.meter.rss_bytes()
        load.release()
    return {"kib_each": (held - before) / order.streams / _KIB, "rss_mib": held / MIB}

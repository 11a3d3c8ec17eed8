"""Small requests: one manifest of about 1 KiB, again and again, over kept connections."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.loads.wrk import run_wrk
from benchmarks.peers.base import Visit
from benchmarks.scenarios.base import Ground, Reading, Values
from benchmarks.site import TAG

CONNECTIONS = (1, 32, 256)
TAIL = f"manifests/{TAG}"
_WARM_S = 1.0


def measure_requests(ground: Ground, visit: Visit) -> Iterator[tuple[str, Values]]:
    """Warm up once, so that no first-time work is counted; then each number of connections."""
    run_wrk(ground.site, visit.door, TAIL, connections=32, seconds=_WARM_S)
    for connections in CONNECTIONS:
        reading = Reading(ground, visit)
        seen = run_wrk(ground.site, visit.door, TAIL, connections=connections, seconds=ground.plan.seconds)
        values = reading.values("us", seen.count, 1e6)
        values |= {"rps": seen.count / seen.seconds, "p50_ms": seen.p50_ms, "p99_ms": seen.p99_ms}
        yield f"requests/{connections}", values

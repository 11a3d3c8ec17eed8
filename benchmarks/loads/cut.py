"""N downloads that are read until somebody ends them. Says `running` once, and then what each saw, by one clock.

CLOCK_MONOTONIC is the same in all processes of a machine, so whoever ends them can compare with its own.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from dataclasses import dataclass, field

from benchmarks.loads.client import Order, say
from benchmarks.loads.download import Download, begin
from benchmarks.processes import CannotMeasure

_TICK_S = 0.0005
_SLICE_BYTES = 256 * 1024
_LONGEST_S = 60.0
_KEPT = 5000  # reads that are remembered: more than a second at full speed, and a cut is over long before


@dataclass(slots=True)
class Watched:
    """One download, with when its last reads came and how it ended."""

    download: Download
    reads: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    ended_at: float = 0.0
    how: str = ""

    def take(self, most: int) -> None:
        """What is here, up to `most`; notes the end when that is what came."""
        before = self.download.got
        try:
            self.download.take(min(most, _SLICE_BYTES))
        except CannotMeasure:
            self.ended_at, self.how = time.monotonic(), "end"
        except ConnectionResetError:
            self.ended_at, self.how = time.monotonic(), "reset"
        if self.download.got > before:
            self.reads.append((time.monotonic(), self.download.got - before))


def watch_at_full_speed(items: list[Watched]) -> None:
    """Every byte as it comes."""
    deadline = time.monotonic() + _LONGEST_S
    with selectors.DefaultSelector() as selector:
        for item in items:
            selector.register(item.download.connection, selectors.EVENT_READ, item)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(1.0):
                key.data.take(_SLICE_BYTES)
                if key.data.ended_at:
                    selector.unregister(key.fileobj)


def watch_at_rate(items: list[Watched], rate: float) -> None:
    """Each no faster than `rate`; what a stream was late with, it may catch up."""
    began = time.monotonic()
    first = {id(item): item.download.got for item in items}
    running = list(items)
    while running and (elapsed := time.monotonic() - began) < _LONGEST_S:
        allowed = int(elapsed * rate)
        for item in running:
            most = allowed - (item.download.got - first[id(item)])
            if most > 0:
                item.take(most)
        running = [item for item in running if not item.ended_at]
        time.sleep(_TICK_S)


def main() -> None:
    order = Order.from_argv()
    items = [Watched(begin(order)) for _ in range(order.streams)]
    say(running=len(items))
    if order.rate:
        watch_at_rate(items, order.rate)
    else:
        watch_at_full_speed(items)
    say(streams=[{"ended_at": item.ended_at, "how": item.how, "reads": list(item.reads)} for item in items])


if __name__ == "__main__":
    main()

"""N downloads at once: `size` bytes each as fast as they come, or for `seconds` at no more than `rate` each."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.loads.client import Connection, Order, connect, describe_tls, make_reader, read_answer, say, send_head
from benchmarks.processes import CannotMeasure

_SILENCE_S = 30.0
_TICK_S = 0.001
_READS_PER_TURN = 16


@dataclass(slots=True)
class Download:
    """One of them."""

    connection: Connection
    read: Callable[[int], int]
    left: int
    got: int = 0

    @property
    def is_done(self) -> bool:
        return self.left == 0

    def take(self, most: int) -> None:
        """Up to so many bytes, as far as they are here. Raises CannotMeasure at an early end."""
        try:
            count = self.read(min(most, self.left))
        except BlockingIOError:
            return
        if not count:
            raise CannotMeasure(f"a download ended {self.left} bytes early")
        self.got += count
        self.left -= count


def begin(order: Order) -> Download:
    """Connect, ask, and read the head."""
    connection = connect(order)
    send_head(connection, order, "GET", order.path)
    answer = read_answer(connection, expected=200)
    size = order.size or answer.length
    if answer.length < size:
        raise CannotMeasure(f"the body has {answer.length} bytes, not {size}")
    connection.setblocking(False)
    return Download(connection, make_reader(connection), answer.length - len(answer.begun), len(answer.begun))


def read_all(downloads: list[Download]) -> None:
    """Until each has everything."""
    with selectors.DefaultSelector() as selector:
        for download in downloads:
            selector.register(download.connection, selectors.EVENT_READ, download)
        while selector.get_map():
            events = selector.select(_SILENCE_S)
            if not events:
                raise CannotMeasure(f"no byte came for {_SILENCE_S:g} s")
            for key, _ in events:
                _take_turn(key.data)
                if key.data.is_done:
                    selector.unregister(key.fileobj)


def _take_turn(download: Download) -> None:
    """TLS gives one record at a time, and what it holds already wakes no selector: read until nothing comes."""
    for _ in range(_READS_PER_TURN):
        before = download.got
        if not download.is_done:
            download.take(1 << 20)
        if download.got == before:
            return
    while hasattr(download.connection, "pending") and download.connection.pending() and not download.is_done:
        download.take(1 << 20)


def read_slowly(downloads: list[Download], *, rate: float, seconds: float) -> None:
    """At no more than `rate` bytes per second each, for a while."""
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        allowed = int(elapsed * rate)
        for download in downloads:
            if not download.is_done and allowed > download.got:
                download.take(allowed - download.got)
        time.sleep(_TICK_S)


def main() -> None:
    order = Order.from_argv()
    began = time.monotonic()
    downloads = [begin(order) for _ in range(order.streams)]
    if order.rate:
        read_slowly(downloads, rate=order.rate, seconds=order.seconds)
    else:
        read_all(downloads)
    tls = describe_tls(downloads[0].connection)
    say(bytes=sum(item.got for item in downloads), seconds=time.monotonic() - began, tls=tls)


if __name__ == "__main__":
    main()

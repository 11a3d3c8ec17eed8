"""Holds N connections open and does nothing with them until stdin ends.

They wait for their next request; with `stalled` as the order's file they are in the middle of an answer that does not
go on.
"""

from __future__ import annotations

import sys

from benchmarks.loads.client import Order, connect, read_answer, read_body, say, send_head
from benchmarks.site import STALLED_SEEN_BYTES

STALLED = "stalled"


def main() -> None:
    order = Order.from_argv()
    held = []
    for _ in range(order.streams):
        connection = connect(order)
        send_head(connection, order, "GET", order.path)
        answer = read_answer(connection, expected=200)
        read_body(connection, answer, most=STALLED_SEEN_BYTES if order.file == STALLED else None)
        held.append(connection)
    say(held=len(held))
    sys.stdin.read()
    say(released=len(held))


if __name__ == "__main__":
    main()

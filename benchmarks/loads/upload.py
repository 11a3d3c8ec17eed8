"""N uploads at once, as a registry client does them: begin, send all in one PATCH, then take it back."""

from __future__ import annotations

import mmap
import os
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.loads.client import Connection, Order, connect, describe_tls, read_answer, read_body, say, send_head
from benchmarks.processes import CannotMeasure

_WRITE_BYTES = 256 * 1024


def send_file(connection: Connection, path: Path, size: int) -> None:
    """By sendfile where the kernel may do it, in slices where TLS has to encrypt."""
    with path.open("rb") as file:
        if isinstance(connection, ssl.SSLSocket):
            with mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ) as mapped, memoryview(mapped) as view:
                for start in range(0, size, _WRITE_BYTES):
                    connection.sendall(view[start : start + _WRITE_BYTES])
            return
        connection.setblocking(True)  # a time-out makes the socket non-blocking underneath
        sent = 0
        while sent < size:
            sent += os.sendfile(connection.fileno(), file.fileno(), sent, size - sent)


def upload(order: Order) -> str:
    """One of them. Returns what TLS was agreed on. Raises CannotMeasure."""
    connection = connect(order)
    send_head(connection, order, "POST", order.path + "/", Content_Length="0")
    begun = read_answer(connection, expected=202)
    read_body(connection, begun)
    location = urlsplit(begun.headers["location"])
    address = location.path + (f"?{location.query}" if location.query else "")
    kind = "application/octet-stream"
    send_head(connection, order, "PATCH", address, Content_Length=str(order.size), Content_Type=kind)
    send_file(connection, Path(order.file), order.size)
    taken = read_answer(connection, expected=202)
    read_body(connection, taken)
    location = urlsplit(taken.headers["location"])
    address = location.path + (f"?{location.query}" if location.query else "")
    send_head(connection, order, "DELETE", address)
    read_answer(connection, expected=204)
    tls = describe_tls(connection)
    connection.close()
    return tls


def main() -> None:
    order = Order.from_argv()
    failures: list[BaseException] = []
    tls: list[str] = []

    def run() -> None:
        try:
            tls.append(upload(order))
        except (CannotMeasure, OSError) as exc:
            failures.append(exc)

    began = time.monotonic()
    threads = [threading.Thread(target=run) for _ in range(order.streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    say(bytes=order.size * order.streams, seconds=time.monotonic() - began, tls=tls[0])


if __name__ == "__main__":
    main()

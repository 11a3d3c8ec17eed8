"""An upstream that throws uploads away in the kernel, and begins downloads that it never goes on with.

`python -m benchmarks.upstreams.sink PORT`. It speaks just enough of the OCI upload protocol for every candidate.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading

from benchmarks.processes import Launcher
from benchmarks.site import STALLED_FIRST_BYTES
from benchmarks.upstreams.base import Upstream

READ_BYTES = 1024 * 1024
_STALLED_LENGTH = 1 << 30
_BACKLOG = 4096
_CREATED = b"HTTP/1.1 202 Accepted\r\nLocation: %s/up\r\nRange: 0-0\r\nContent-Length: 0\r\n\r\n"
_DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
_STALLED = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % _STALLED_LENGTH


def sink_upstream(launcher: Launcher, port: int) -> Upstream:
    """How to start it."""
    arguments = (sys.executable, "-m", "benchmarks.upstreams.sink", str(port))
    return Upstream("sink", port, lambda: launcher.serve("sink", arguments, port))


def main() -> None:
    """Serve until the parent ends."""
    threading.stack_size(256 * 1024)  # a thousand stalled downloads each hold a thread
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=_BACKLOG)
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    buffer = bytearray(READ_BYTES)
    with contextlib.suppress(OSError), connection:
        rest = b""
        while head_and_rest := _read_head(connection, rest):
            head, rest = head_and_rest
            left = _content_length(head) - len(rest)
            rest = b""
            while left > 0:
                got = connection.recv_into(buffer, min(left, READ_BYTES), socket.MSG_TRUNC)
                if not got:
                    return
                left -= got
            _answer(connection, head)


def _answer(connection: socket.socket, head: bytes) -> None:
    method, path, _ = head.split(b"\r\n", 1)[0].split(b" ")
    if method == b"GET":
        connection.sendall(_STALLED + bytes(STALLED_FIRST_BYTES))
    elif method == b"DELETE":
        connection.sendall(_DONE)
    else:
        connection.sendall(_CREATED % path.partition(b"?")[0].removesuffix(b"/up").rstrip(b"/"))


def _read_head(connection: socket.socket, received: bytes) -> tuple[bytes, bytes] | None:
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None
        received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


if __name__ == "__main__":
    main()

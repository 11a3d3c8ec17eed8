"""A registry that writes down every byte it gets, in the order of its arrival, and answers what is whole."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
_ANSWERS = {
    b"GET": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    b"HEAD": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
    b"PUT": b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    b"POST": b"HTTP/1.1 202 Accepted\r\nLocation: /v2/a/blobs/uploads/1\r\nContent-Length: 0\r\n\r\n",
    b"PATCH": b"HTTP/1.1 202 Accepted\r\nLocation: /v2/a/blobs/uploads/1\r\nContent-Length: 0\r\n\r\n",
    b"DELETE": b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
}


class RecordingRegistry:
    """`received` grows; nothing is ever taken out."""

    def __init__(self) -> None:
        self.received = bytearray()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self._server.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for item in (self._server, *self._sockets):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._sockets.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        waiting = b""
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self.received += data
                waiting += data
                while end := _end_of_request(waiting):
                    client.sendall(_ANSWERS[waiting.split(b" ", 1)[0]])
                    waiting = waiting[end:]


def _end_of_request(data: bytes) -> int:
    """Index just past the first whole request, or 0. Our own gateway wrote it, so its form is known."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return 0
    if b"\r\ntransfer-encoding: chunked\r\n" in data[: len(head) + 2]:
        end = body.find(b"0\r\n\r\n")
        return len(head) + 4 + end + 5 if end >= 0 else 0
    length = _LENGTH.search(data[: len(head) + 2])
    end = len(head) + 4 + (int(length[1]) if length else 0)
    return end if len(data) >= end else 0


@contextlib.contextmanager
def recording_registry() -> Iterator[RecordingRegistry]:
    registry = RecordingRegistry()
    try:
        yield registry
    finally:
        registry.close()

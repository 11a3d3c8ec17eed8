"""Bytes over sockets, on both legs: a client that sends exactly what it is told, an upstream that answers so.

No HTTP library stands between: it would repair the fault that a test is about.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

TIMEOUT_S = 60.0


@dataclass(slots=True)
class RawAnswer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


def exchange(port: int, raw: bytes) -> list[RawAnswer]:
    """Send bytes, read until the peer closes, and split what came into answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as client:
        with contextlib.suppress(OSError):  # a refusal may come before all of it is sent
            client.sendall(raw)
        received = read_all(client)
    return split_answers(received)


def read_all(client: socket.socket) -> bytes:
    """Everything until the end or the reset."""
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def read_answer(client: socket.socket, *, is_head: bool = False) -> RawAnswer:
    """Exactly one answer with a Content-Length from a connection that stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(1)
        if not piece:
            raise ConnectionResetError("no answer")
        received += piece
    answer = _parse(received)
    left = 0 if is_head else int(answer.headers.get(b"content-length", b"0"))
    while left:
        piece = client.recv(min(left, 65536))
        if not piece:
            raise ConnectionResetError("short answer")
        answer.body += piece
        left -= len(piece)
    return answer


def split_answers(received: bytes) -> list[RawAnswer]:
    """Answers one after another; bodies by Content-Length."""
    answers = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        answer = _parse(head + b"\r\n\r\n")
        length = int(answer.headers.get(b"content-length", b"0"))
        answer.body, received = received[:length], received[length:]
        answers.append(answer)
    return answers


def _parse(head: bytes) -> RawAnswer:
    first, *lines = head[:-4].split(b"\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b": ")
        headers[name.lower()] = value
    return RawAnswer(int(first.split(b" ")[1]), headers, b"")


Script = Callable[[socket.socket, bytes], None]


@dataclass(slots=True)
class ScriptedUpstream:
    """Reads one head per turn and answers with fixed bytes, or lets a function do what it wants with the socket."""

    answer: bytes | Script
    requests: list[bytes] = field(default_factory=list)
    port: int = 0
    _server: socket.socket | None = None
    _sockets: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for item in [self._server, *self._sockets]:
            if item is not None:
                with contextlib.suppress(OSError):
                    item.shutdown(socket.SHUT_RDWR)
                item.close()

    def _accept(self) -> None:
        assert self._server is not None
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while head := read_head(connection):
                self.requests.append(head)
                if callable(self.answer):
                    self.answer(connection, head)
                else:
                    connection.sendall(self.answer)
        with contextlib.suppress(OSError):
            connection.close()


def read_head(connection: socket.socket) -> bytes:
    """One head, or nothing when the peer closed."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            return b""
        received += piece
    return received

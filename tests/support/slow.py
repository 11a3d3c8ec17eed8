"""Clients that hold a connection by doing almost nothing: heads, bodies and readers of a byte now and then."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

EVERY_S = 0.25
_SMALL_BUFFER_BYTES = 4096


@dataclass(slots=True)
class SlowClient:
    """One connection. `drop` is what it sends now and then; without one it reads a byte now and then."""

    kind: str
    client: socket.socket
    drop: bytes
    answer: bytes = b""
    began: float = field(default_factory=time.monotonic)
    ended_after_s: float = 0.0

    @property
    def status(self) -> int:
        """Of the server's answer; 0 when it gave none."""
        return int(self.answer[9:12]) if self.answer.startswith(b"HTTP/1.1 ") and len(self.answer) > 12 else 0

    def step(self) -> None:
        """Take what is there, then give the next drop."""
        if self.client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # a reset, behind bytes that nobody took yet
            self._end()
            return
        try:
            self._take()
            if self.drop and not self.ended_after_s:
                self.client.send(self.drop)
        except BlockingIOError:
            return
        except OSError:
            self._end()

    def _take(self) -> None:
        try:
            piece = self.client.recv(4096 if self.drop else 1)
        except BlockingIOError:
            return
        self.answer += piece[: 4096 - len(self.answer)]
        if not piece:
            self._end()

    def _end(self) -> None:
        self.ended_after_s = time.monotonic() - self.began
        self.client.close()


@dataclass(slots=True)
class SlowCrowd:
    """Many of them, driven by one thread. `sources` are loopback addresses to come from."""

    port: int
    sources: tuple[str, ...] = ("127.0.0.1",)
    clients: list[SlowClient] = field(default_factory=list)

    def half_open(self) -> None:
        """A head that never ends."""
        self._add("half-open head", b"GET /v2/ HTTP/1.1\r\nHost: gw\r\nX: ", b"y")

    def drip_body(self, token: str, repository: str) -> None:
        """An upload that is allowed, and then a byte of it now and then."""
        head = f"POST /v2/{repository}/blobs/uploads/ HTTP/1.1\r\nContent-Length: 1000000\r\n"
        self._add("drip body", self._sign(head, token), b"y")

    def drip_reader(self, token: str, path: str) -> None:
        """A download of which a byte is taken now and then."""
        self._add("drip reader", self._sign(f"GET {path} HTTP/1.1\r\n", token), b"")

    def is_over(self) -> bool:
        """True when the server has ended each of them."""
        return all(item.ended_after_s for item in self.clients)

    def step(self) -> None:
        """One drop from everybody who is left."""
        for item in self.clients:
            if not item.ended_after_s:
                item.step()

    def close(self) -> None:
        """Let go of those that the server did not end."""
        for item in self.clients:
            item.client.close()

    @staticmethod
    def _sign(head: str, token: str) -> bytes:
        return f"{head}Host: gw\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    def _add(self, kind: str, begin: bytes, drop: bytes) -> None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER_BYTES)
        client.bind((self.sources[len(self.clients) % len(self.sources)], 0))
        client.connect(("127.0.0.1", self.port))
        client.sendall(begin)
        client.setblocking(False)
        self.clients.append(SlowClient(kind, client, drop))

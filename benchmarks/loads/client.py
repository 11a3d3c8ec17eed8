"""The client's side of HTTP/1.1, as little of it as measuring needs, over plain sockets and TLS."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.peers.base import Door
from benchmarks.processes import CannotMeasure
from benchmarks.site import Site

READ_BYTES = 1024 * 1024
TIMEOUT_S = 60.0
Connection = socket.socket | ssl.SSLSocket


@dataclass(frozen=True, slots=True)
class Order:
    """What a client is told on its command line. Rates in bytes per second, 0 for as fast as it goes."""

    port: int
    path: str
    headers: dict[str, str]
    streams: int = 1
    size: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    file: str = ""
    ca_file: str = ""  # given: over TLS
    receive_buffer: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, site: Site, door: Door, tail: str, *, is_tls: bool = False, **facts: Any) -> Order:
        """For something in the repository behind a door."""
        ca_file = str(site.tls / "ca.pem") if is_tls else ""
        port = door.tls_port if is_tls else door.port
        return cls(port, door.path(tail), door.headers, ca_file=ca_file, **facts)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_argv(cls) -> Order:
        return cls(**json.loads(sys.argv[1]))


def say(**word: Any) -> None:
    """One line to whoever started us."""
    print(json.dumps(word), flush=True)


def connect(order: Order) -> Connection:
    """A new connection; the pinned TLS version and cipher come from OPENSSL_CONF."""
    plain = socket.socket()
    plain.settimeout(TIMEOUT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if order.receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, order.receive_buffer)
    plain.connect(("127.0.0.1", order.port))
    if not order.ca_file:
        return plain
    context = ssl.create_default_context(cafile=order.ca_file)
    return context.wrap_socket(plain, server_hostname="localhost")


def describe_tls(connection: Connection) -> str:
    """Version and cipher that were agreed on; empty for plain."""
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    cipher = connection.cipher()
    return f"{connection.version()} {cipher[0] if cipher else '?'}"


def send_head(connection: Connection, order: Order, method: str, path: str, **more: str) -> None:
    """A request's head."""
    headers = {"Host": f"127.0.0.1:{order.port}", **order.headers, **order.extra}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's head, and the bytes of its body that came along."""

    status: int
    headers: dict[str, str]
    begun: bytes

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", "0"))


def read_answer(connection: Connection, *, expected: int) -> Answer:
    """Raises CannotMeasure when the answer is another one."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(4096)
        if not piece:
            raise CannotMeasure(f"the connection ended instead of an answer: {received[:80]!r}")
        received += piece
    head, _, begun = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    answer = Answer(int(first.split(" ")[1]), headers, begun)
    if answer.status != expected:
        raise CannotMeasure(f"answered {answer.status} instead of {expected}: {begun[:300]!r}")
    return answer


def read_body(connection: Connection, answer: Answer, *, most: int | None = None) -> None:
    """All of a small body, so that the connection may be used again; or what comes of it until it stalls."""
    left = (answer.length if most is None else most) - len(answer.begun)
    while left > 0:
        piece = connection.recv(min(left, READ_BYTES))
        if not piece:
            raise CannotMeasure("the body ended early")
        left -= len(piece)


def make_reader(connection: Connection) -> Callable[[int], int]:
    """A function that takes up to so many bytes off a connection and says how many it were; 0 at the end.

    Plain bytes are discarded in the kernel (MSG_TRUNC), so that the client does not slow down what it measures; TLS
    has to be decrypted. Raises BlockingIOError on a connection that does not wait.
    """
    buffer = bytearray(READ_BYTES)
    if isinstance(connection, ssl.SSLSocket):
        return lambda most: _read_tls(connection, buffer, most)
    return lambda most: connection.recv_into(buffer, min(most, READ_BYTES), socket.MSG_TRUNC)


def _read_tls(connection: ssl.SSLSocket, buffer: bytearray, most: int) -> int:
    try:
        return connection.recv_into(buffer, min(most, READ_BYTES))
    except ssl.SSLWantReadError:
        raise BlockingIOError from None

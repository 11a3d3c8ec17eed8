"""Registries that lie. A raw socket server, so that it can send what no library would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from jit_access.connectors.base import Endpoint
from jit_access.core.secret import Secret

PASSWORD = "hostile-must-not-see-1"
# Takes the path and the raw request, gives the pieces of the raw response.
Script = Callable[[str, bytes], Iterator[bytes]]


@dataclass(slots=True)
class HostileServer:
    """What was asked of it is in `requests`, each one raw."""

    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [request.split(b" ")[1].decode() for request in self.requests]

    def endpoint(self) -> Endpoint:
        return Endpoint("prod-registry", self.origin, "gateway", Secret(PASSWORD), allow_private=True)


def respond(status: str = "200 OK", body: bytes = b"{}", **headers: str) -> bytes:
    """A whole response that ends its connection."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def hostile_server(script: Script) -> Iterator[HostileServer]:
    """Serve until the end of the block, one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HostileServer(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, server, script), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=60)
            assert not thread.is_alive()


def _serve(listener: socket.socket, server: HostileServer, script: Script) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    request += piece
                if request:
                    server.requests.append(request)
                    for piece in script(request.split(b" ")[1].decode(), request):
                        connection.sendall(piece)

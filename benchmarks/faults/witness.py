"""What clients see: short requests in a row and downloads that never end, each with its time. It judges nothing."""

from __future__ import annotations

import contextlib
import http.client
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BLOB = "/v2/demo-registry/llm/tiny-llama/blobs/sha256:" + "0" * 64
_EVERY_S = 0.1
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One request. `reason` is empty when it was let through."""

    proxy: int
    who: str
    sent_at: float
    answered_at: float
    status: int
    reason: str


def ask(port: int, token: str) -> tuple[int, str]:
    """The smallest request that the gate decides. Status 0: no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/v2/", headers={"Authorization": f"Bearer {token}", "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return 0, "no-answer"
    finally:
        connection.close()
    if answer.status == http.client.OK:
        return answer.status, ""
    try:
        return answer.status, str(json.loads(body)["errors"][0]["detail"]["reason"])
    except (ValueError, KeyError, IndexError, TypeError):
        return answer.status, "unreadable"


class Asker:
    """A thread per proxy that asks for each token in turn, until it is stopped."""

    def __init__(self, ports: tuple[int, ...], tokens: Mapping[str, str]) -> None:
        self.seen: list[Seen] = []
        self._tokens = dict(tokens)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, port), daemon=True) for number, port in enumerate(ports)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Seen]:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.seen

    def _run(self, number: int, port: int) -> None:
        while not self._stop.wait(_EVERY_S):
            for who, token in self._tokens.items():
                sent_at = time.monotonic()
                status, reason = ask(port, token)
                self.seen.append(Seen(number, who, sent_at, time.monotonic(), status, reason))


@dataclass(eq=False, slots=True)
class Stream:
    """One download. `ended_at` is 0 while it runs."""

    proxy: int
    who: str
    client: socket.socket
    last_at: float = 0.0
    ended_at: float = 0.0


class Streams:
    """Reads whatever comes on all of them, in a thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.running: dict[tuple[int, str], Stream] = {}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def open(self, proxy: int, port: int, who: str, token: str) -> Stream | None:
        """Begin a download; None when it was refused."""
        client = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        client.sendall(f"GET {BLOB} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        try:
            head = client.recv(4096)
        except OSError:
            head = b""
        if not head.startswith(b"HTTP/1.1 200 "):
            client.close()
            return None
        client.setblocking(False)
        stream = Stream(proxy, who, client, time.monotonic())
        with self._lock:
            self._selector.register(client, selectors.EVENT_READ, stream)
            self.running[proxy, who] = stream
        return stream

    def close(self, stream: Stream) -> None:
        with self._lock:
            self._end(stream)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        for stream in list(self.running.values()):
            self._end(stream)
        self._selector.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                ready = [key.data for key, _ in self._selector.select(0)]
                for stream in ready:
                    self._take(stream)
            time.sleep(0.01)

    def _take(self, stream: Stream) -> None:
        try:
            data = stream.client.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            stream.last_at = time.monotonic()
        else:
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        if stream.ended_at:
            return
        stream.ended_at = time.monotonic()
        self._selector.unregister(stream.client)
        stream.client.close()
        if self.running.get((stream.proxy, stream.who)) is stream:
            del self.running[stream.proxy, stream.who]


@contextlib.contextmanager
def running_streams() -> Iterator[Streams]:
    streams = Streams()
    try:
        yield streams
    finally:
        streams.stop()

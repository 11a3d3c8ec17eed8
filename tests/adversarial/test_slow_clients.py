"""Half-open heads, drip bodies and drip readers hold their place for a while, then lose it; nobody else waits."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.settings import Limits
from tests.support.gateway import ALL, Gateway, Held, running_gateway
from tests.support.processes import wait_for
from tests.support.raw import ScriptedUpstream
from tests.support.registry import call
from tests.support.slow import EVERY_S, SlowCrowd

HALF_OPEN, BODIES, READERS = 500, 100, 50
_BLOB_BYTES = 16 * 1024 * 1024
BLOB_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % _BLOB_BYTES + bytes(_BLOB_BYTES)
BLOB = "/v2/demo/a/blobs/sha256:" + "a" * 64
LIMITS = Limits(
    header_deadline_s=2, idle_body_deadline_s=2, connections=2000, connections_per_address=2000, streams_per_grant=2000
)  # fmt: skip
_RSS_MORE_KIB = 96 * 1024  # clients, gateway and registry are one process here


def registry(connection: socket.socket, head: bytes) -> None:
    """A blob for those who read, silence for those who send."""
    if b"/blobs/" in head and head.startswith(b"GET"):
        connection.sendall(BLOB_ANSWER)
    elif head.startswith(b"POST"):
        while connection.recv(4096):
            pass
    else:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """Both ends of each connection are here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class GoodClients:
    """Asks one small question after another, on connections of its own."""

    def __init__(self, gateway: Gateway, held: Held) -> None:
        self._gateway, self._held = gateway, held
        self._enough = threading.Event()
        self.statuses: list[int] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> list[int]:
        self._enough.set()
        self._thread.join(60)
        return self.statuses

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._held.token}"}
        while not self._enough.is_set():
            self.statuses.append(call(self._gateway.host, "GET", "/v2/demo/a/tags/list", headers=headers)[0])
            self._enough.wait(0.02)


def test_slow_crowd_is_closed_while_good_requests_are_answered(tmp_path: Path) -> None:
    with ScriptedUpstream(registry) as upstream, running_gateway(tmp_path, limits=LIMITS) as gateway:
        gateway.add_target("demo", upstream.url)
        held = gateway.grant("demo", ResourceScope("a", ALL))
        assert call(gateway.host, "GET", "/v2/demo/a/tags/list", headers={"Authorization": f"Bearer {held.token}"})[0]
        before = resident_kib()
        crowd, good = SlowCrowd(gateway.port), GoodClients(gateway, held)
        try:
            for _ in range(HALF_OPEN):
                crowd.half_open()
            for _ in range(BODIES):
                crowd.drip_body(held.token, "demo/a")
            for _ in range(READERS):
                crowd.drip_reader(held.token, BLOB)
            most = drive(crowd)
        finally:
            statuses = good.stop()
            crowd.close()
        assert set(statuses) == {200}
        ends = {(item.kind, item.status) for item in crowd.clients}
        assert ends == {("half-open head", 408), ("drip body", 408), ("drip reader", 200)}
        assert most - before < _RSS_MORE_KIB
        wait_for(lambda: len(gateway.records("proxy.transfer.cut", reason="request-too-slow")) == READERS, "the cuts")
        assert len(gateway.records("proxy.request.refused", grant=held.view.grant_id)) == BODIES
        assert 0 < len(gateway.records("proxy.request.refused", grant="")) < HALF_OPEN / 10


def drive(crowd: SlowCrowd) -> int:
    """Until the server has ended everybody; nobody's ends by itself. Returns the most memory used."""
    most, give_up_at = 0, time.monotonic() + 120
    while not crowd.is_over():
        assert time.monotonic() < give_up_at, [item.kind for item in crowd.clients if not item.ended_after_s][:5]
        crowd.step()
        most = max(most, resident_kib())
        time.sleep(EVERY_S)
    return most


def resident_kib() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def test_half_open_head_is_answered_with_a_reason(tmp_path: Path) -> None:
    with running_gateway(tmp_path, limits=Limits(header_deadline_s=0.2)) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            client.sendall(b"GET /v2/ HTT")
            assert client.recv(65536).startswith(b"HTTP/1.1 408")
        gateway.wait_record("proxy.request.refused", reason="request-too-slow")


def test_connection_that_says_nothing_is_closed_without_an_answer(tmp_path: Path) -> None:
    with (
        running_gateway(tmp_path, limits=Limits(header_deadline_s=0.2)) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client,
    ):
        assert client.recv(65536) == b""


def test_second_head_of_a_connection_has_a_deadline_too(tmp_path: Path) -> None:
    """The clock starts anew with its first byte, not with the connection, and drops do not wind it."""
    with running_gateway(tmp_path, limits=Limits(header_deadline_s=0.5)) as gateway:
        held = gateway.grant("demo", ResourceScope("a", ALL))
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            client.sendall(f"GET /v2/ HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer {held.token}\r\n\r\n".encode())
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            client.sendall(b"GET /v2/ HTTP/1.1\r\nX: ")
            client.settimeout(0.1)
            answer = b""
            while not answer:
                client.sendall(b"y")
                try:
                    answer = client.recv(65536)
                except TimeoutError:
                    continue
            assert answer.startswith(b"HTTP/1.1 408")

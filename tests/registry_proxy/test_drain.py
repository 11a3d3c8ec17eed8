"""What a drain owes to connections that are there already, and to those that are only about to be."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from jit_access.demo.stack.certificates import ensure_certificates
from jit_access.domain.scopes import ResourceScope
from registry_proxy.orders import Drain
from tests.support.gateway import PULL, Gateway, running_gateway
from tests.support.processes import accepts, wait_for
from tests.support.raw import read_answer
from tests.support.registry import Registry, registry  # noqa: F401 - a fixture

PING = b"GET /v2/ HTTP/1.1\r\nHost: gw\r\n\r\n"
BIG = os.urandom(1024 * 1024) * 16


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    ensure_certificates(folder)
    return folder


@pytest.fixture
def gateway(tmp_path: Path, certificates: Path) -> Iterator[Gateway]:
    tls = certificates / "localhost.pem", certificates / "localhost.key"
    with running_gateway(tmp_path, tls=tls) as running:
        yield running


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def ask(gateway: Gateway, look: Callable[[], object]) -> object:
    """Look at something on the proxy's loop."""
    found: list[object] = []
    gateway.run(lambda: found.append(look()))
    return found[0]


def drain(gateway: Gateway, *, is_handover: bool) -> Future[None]:
    """Begin it, and return when no new client is accepted any more."""
    server, loop = gateway.server, gateway.loop
    assert server is not None
    assert loop is not None
    running = asyncio.run_coroutine_threadsafe(server.drain(60, is_handover=is_handover), loop)
    wait_for(lambda: not accepts(gateway.port), "the listeners are closed")
    return running


def ends_by_reset(client: socket.socket) -> bool:
    try:
        while client.recv(1024 * 1024):
            pass
    except ConnectionResetError:
        return True
    return False


def has_somebody(gateway: Gateway) -> bool:
    assert gateway.server is not None
    return bool(ask(gateway, gateway.server.has_anybody))


@pytest.mark.parametrize("is_handover", [True, False])
def test_handshake_that_began_before_may_end(gateway: Gateway, certificates: Path, is_handover: bool) -> None:
    """Nobody has counted such a connection yet."""
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with connect(gateway.tls_port) as plain:
        wait_for(lambda: has_somebody(gateway), "it was accepted")
        running = drain(gateway, is_handover=is_handover)
        assert not running.done()
        with context.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(PING)
            assert read_answer(client).headers[b"connection"] == b"close"
    running.result(20)


@pytest.mark.parametrize("is_handover", [True, False])
def test_new_connection_gets_its_one_answer(gateway: Gateway, is_handover: bool) -> None:
    with connect(gateway.port) as client:
        wait_for(lambda: has_somebody(gateway), "it was accepted")
        running = drain(gateway, is_handover=is_handover)
        client.sendall(PING)
        assert read_answer(client).headers[b"connection"] == b"close"
    running.result(20)


def test_kept_connection_is_closed_by_a_stop_and_told_by_a_handover(tmp_path: Path) -> None:
    for is_handover in (False, True):
        with running_gateway(tmp_path / str(is_handover)) as gateway, connect(gateway.port) as client:
            client.sendall(PING)
            assert read_answer(client).headers[b"connection"] == b"keep-alive"
            running = drain(gateway, is_handover=is_handover)
            if is_handover:
                client.sendall(PING)
                assert read_answer(client).headers[b"connection"] == b"close"
            assert client.recv(1) == b""
            running.result(20)


def test_stop_after_a_handover_cuts_what_the_handover_spared(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    gateway.add_target("demo", registry.base_url)
    digest, held = registry.push_blob("drained", BIG), gateway.grant("demo", ResourceScope("drained", PULL))
    server = gateway.server
    assert server is not None
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.settimeout(60)
        client.connect(("127.0.0.1", gateway.port))
        lines = f"GET /v2/demo/drained/blobs/{digest} HTTP/1.1", "Host: gw", f"Authorization: Bearer {held.token}"
        client.sendall("\r\n".join((*lines, "", "")).encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        running = drain(gateway, is_handover=True)
        assert not running.done()
        gateway.run(lambda: server.hurry(Drain(0)))
        running.result(20)
        assert ends_by_reset(client)
    assert gateway.wait_record("proxy.transfer.cut")["reason"] == "draining"

"""What an issuer may answer, and where we go to ask it: bounded in every direction."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import pytest

from jit_access.connectors import wire
from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from jit_access.jose import key_sets
from jit_access.jose.fetching import MAX_BODY_BYTES, Peer, Reach, fetch_json
from jit_access.jose.key_sets import KeySource, find_key
from tests.support.workloads.issuer import new_key

PEER = Peer("The forge", away=Reason.ISSUER_AWAY)
GOOD = json.dumps({"keys": []}).encode()


class Server:
    """Answers whatever the test says."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.say(GOOD)

    def say(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.body, self.status, self.headers = body, status, headers


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            self.send_response(told.status)
            for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(told.body)
            except OSError:
                self.close_connection = True  # hung up on, as it should be

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def server(running: Server) -> Server:
    running.say(GOOD)
    running.asked = 0
    key_sets.forget_keys()
    return running


def refused(url: str, peer: Peer = PEER) -> None:
    with pytest.raises(PeerError) as caught:
        fetch_json(url, peer=peer)
    assert caught.value.reason is Reason.ISSUER_AWAY


@pytest.mark.parametrize(
    ("body", "status", "headers"),
    [
        (GOOD, 500, {}),
        (GOOD, 204, {}),
        (b"", 302, {"Location": "http://127.0.0.1:9/"}),
        (b"[]", 200, {}),
        (b"{", 200, {}),
        (b"\xff", 200, {}),
        (b"[" * 100_000, 200, {}),
        (b'{"keys": "' + b"x" * MAX_BODY_BYTES + b'"}', 200, {}),
        (b"\x1f\x8b\x08\x00", 200, {"Content-Encoding": "gzip"}),
    ],
)
def test_an_answer_that_is_none_of_its_kind(server: Server, body: bytes, status: int, headers: dict[str, Any]) -> None:
    assert fetch_json(server.url, peer=PEER) == {"keys": []}
    server.say(body, status, **headers)
    refused(server.url)


def test_an_address_inside_only_where_it_may_be(server: Server) -> None:
    assert fetch_json(server.url, peer=Peer("x", Reach(allows_private=True), Reason.ISSUER_AWAY))
    refused(server.url, Peer("x", Reach(allows_private=False), Reason.ISSUER_AWAY))
    assert server.asked == 1


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "0.0.0.0"])  # noqa: S104  # refused
def test_never_at_a_metadata_service(server: Server, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Whatever an operator allows, and also when one good address stands beside it."""
    found = (ip_address("127.0.0.1"), ip_address(address))
    with monkeypatch.context() as patch:
        patch.setattr(wire, "resolve", lambda *_: found)
        refused(server.url)
    assert server.asked == 0
    assert fetch_json(server.url, peer=PEER)


def test_a_crowd_asks_once(server: Server) -> None:
    """A thousand agents renew when the keys have just gone stale."""
    key = new_key()
    server.say(json.dumps({"keys": [key.as_dict(private=False)]}).encode())
    source, found = KeySource(server.url, PEER), []
    line = threading.Barrier(16)

    def ask() -> None:
        line.wait(30)
        found.append(find_key(source, kid=str(key.kid), alg="RS256").thumbprint())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(found), set(found), server.asked) == (16, {key.thumbprint()}, 1)

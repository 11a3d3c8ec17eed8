"""What one address and one grant may take: each limit, and next to it who is not touched by it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.audit_sink.strangers import StrangersBrake
from registry_proxy.server import listener
from registry_proxy.server.services import Services
from registry_proxy.settings import Limits
from registry_proxy.throttle import Throttle
from tests.adversarial.recording import RecordingRegistry, recording_registry
from tests.support.gateway import ALL, Gateway, Held, running_gateway
from tests.support.raw import RawAnswer, ScriptedUpstream, exchange, read_all, read_answer, split_answers

UPLOAD = "/v2/demo/a/blobs/uploads/"
TAGS = "/v2/demo/a/tags/list"
BLOB = "/v2/demo/a/blobs/sha256:" + "a" * 64

Start = Callable[..., tuple[Gateway, RecordingRegistry]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A gateway with these limits before a registry that records; its clock of rates and minutes stands still."""
    with contextlib.ExitStack() as stack:

        def run(**limits: float) -> tuple[Gateway, RecordingRegistry]:
            registry = stack.enter_context(recording_registry())
            gateway = stack.enter_context(running_gateway(tmp_path, limits=Limits(**limits)))  # type: ignore[arg-type]
            gateway.add_target("demo", registry.url)
            services = services_of(gateway)
            services.throttle = Throttle(services.limits, ticks=lambda: 0.0)
            services.strangers = StrangersBrake(services.sink, services.limits, ticks=lambda: 0.0)
            return gateway, registry

        yield run


def services_of(gateway: Gateway) -> Services:
    assert gateway.server is not None
    return gateway.server.services


def ask(held: Held | None, method: str, target: str, *more: str, body: bytes = b"") -> bytes:
    token = [f"Authorization: Bearer {held.token}"] if held else []
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: gw", *token, *more]).encode() + b"\r\n\r\n" + body


def connect(gateway: Gateway, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=60, source_address=(source, 0))


def reason_of(answer: RawAnswer) -> str:
    return str(json.loads(answer.body)["errors"][0]["detail"]["reason"])


def told(answer: RawAnswer) -> tuple[int, str, bytes]:
    return answer.status, reason_of(answer), answer.headers.get(b"retry-after", b"")


def marker(gateway: Gateway, held: Held) -> None:
    """Records arrive in order: when this one is there, so are those before it."""
    answer = exchange(gateway.port, ask(held, "GET", "/v2/", "Connection: close"))[0]
    gateway.wait_record("proxy.transfer.completed", trace=answer.headers[b"x-request-id"].decode())


# -- strangers and the log


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"GET /v2/ HTTP/1.0\r\n\r\n", "malformed-request"),
        (ask(None, "GET", "/nowhere"), "route-unknown"),
        (ask(None, "GET", TAGS, "Connection: close"), "token-missing"),
        (ask(None, "GET", TAGS, "Authorization: Bearer x", "Connection: close"), "token-malformed"),
    ],
)
def test_stranger_gets_a_record_for_the_first_few_and_then_for_each_doubling(
    start: Start, raw: bytes, reason: str
) -> None:  # fmt: skip
    gateway, registry = start(stranger_records=10)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    for _ in range(70):
        assert exchange(gateway.port, raw)[0].status >= 400
    marker(gateway, held)
    records = gateway.records("proxy.request.refused", reason=reason)
    assert [item["detail"].get("within_a_minute", 0) for item in records] == [0] * 10 + [16, 32, 64]  # type: ignore[attr-defined]
    page = services_of(gateway).meter.render().decode()
    assert f'jit_proxy_requests_total{{outcome="deny",reason="{reason}"}} 70.0' in page
    assert not registry.received


def test_refusals_under_a_grant_have_a_record_each(start: Start) -> None:
    gateway, _ = start(stranger_records=1)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    for _ in range(20):
        exchange(gateway.port, ask(held, "GET", "/v2/demo/hidden/tags/list", "Connection: close"))
    marker(gateway, held)
    assert len(gateway.records("proxy.request.refused", reason="out-of-scope")) == 20


def test_stranger_who_hangs_up_within_a_form_writes_no_more(start: Start) -> None:
    gateway, _ = start(stranger_records=2)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    for _ in range(20):
        with connect(gateway) as client:
            client.sendall(ask(None, "POST", "/token", "Content-Length: 100"))
            client.shutdown(socket.SHUT_WR)
            read_all(client)
    marker(gateway, held)
    assert len(gateway.records("proxy.transfer.cut", reason="client-went-away")) == 5  # 1, 2, 4, 8, 16


def test_many_addresses_buy_a_stranger_no_more(start: Start) -> None:
    gateway, _ = start(stranger_records=1, stranger_records_together=3)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    for number in range(20):
        with connect(gateway, f"127.0.1.{number + 1}") as client:
            client.sendall(b"GET /v2/ HTTP/1.0\r\n\r\n")
            read_all(client)
    marker(gateway, held)
    assert len(gateway.records("proxy.request.refused")) == 6  # 1, 2, 3, 4, 8, 16


# -- rates


def test_grant_that_asks_too_often_waits_and_others_do_not(start: Start) -> None:
    gateway, registry = start(requests_per_grant=1, request_burst_per_grant=3)
    held, other = (gateway.grant("demo", ResourceScope("a", ALL)) for _ in range(2))
    with connect(gateway) as client:
        for wanted in (200, 200, 200, 429, 429):
            client.sendall(ask(held, "GET", TAGS))
            answer = read_answer(client)
            assert answer.status == wanted
        assert told(answer) == (429, "rate-limited", b"1")
        client.sendall(ask(other, "GET", TAGS))
        assert read_answer(client).status == 200
    assert registry.received.count(b"GET ") == 4
    record = gateway.wait_record("proxy.request.refused", reason="rate-limited")
    assert (record["grant"], record["status"]) == (held.view.grant_id, 429)


def test_refusals_under_a_grant_count_for_its_rate_and_do_not_fill_the_log(start: Start) -> None:
    gateway, _ = start(requests_per_grant=1, request_burst_per_grant=5, stranger_records=2)
    held, other = (gateway.grant("demo", ResourceScope("a", ALL)) for _ in range(2))
    for _ in range(25):
        exchange(gateway.port, ask(held, "GET", "/v2/demo/hidden/tags/list", "Connection: close"))
    marker(gateway, other)
    assert len(gateway.records("proxy.request.refused", reason="out-of-scope")) == 5
    assert len(gateway.records("proxy.request.refused", reason="rate-limited")) == 5  # 1, 2, 4, 8, 16 of 20


def test_address_that_asks_too_often_waits_and_others_do_not(start: Start) -> None:
    gateway, registry = start(requests_per_address=1, request_burst_per_address=4)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    with connect(gateway) as client:
        client.sendall(ask(held, "GET", TAGS) * 5)  # the connection counts for one
        answers = split_answers(read_all(client))
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert (*told(answers[-1]), answers[-1].headers[b"connection"]) == (429, "rate-limited", b"1", b"close")
    with connect(gateway) as client:
        assert read_answer(client).status == 429
    with connect(gateway, "127.0.0.2") as client:
        client.sendall(ask(held, "GET", TAGS))
        assert read_answer(client).status == 200
    assert registry.received.count(b"GET ") == 4


# -- at once


def test_streams_of_one_grant_are_bounded_and_others_are_not_touched(tmp_path: Path) -> None:
    size = 16 * 1024 * 1024
    blob = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + os.urandom(size)
    with (
        ScriptedUpstream(blob) as upstream,
        running_gateway(tmp_path, limits=Limits(streams_per_grant=2)) as gateway,
        contextlib.ExitStack() as stack,
    ):
        gateway.add_target("demo", upstream.url)
        held, other = (gateway.grant("demo", ResourceScope("a", ALL)) for _ in range(2))
        running = [stack.enter_context(connect(gateway)) for _ in range(2)]
        for client in running:
            client.sendall(ask(held, "GET", BLOB))
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        refused = exchange(gateway.port, ask(held, "GET", BLOB, "Connection: close"))[0]
        assert told(refused) == (429, "too-many-streams", b"1")
        with connect(gateway) as client:
            client.sendall(ask(other, "GET", BLOB))
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        running[0].close()
        gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)
        with connect(gateway) as client:
            client.sendall(ask(held, "GET", BLOB))
            assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_crowd_that_is_turned_away_is_bounded_itself(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for our no holds a place too; past the first few there is only a reset."""
    monkeypatch.setattr(listener, "TURNED_AWAY_MOST", 3)
    gateway, _ = start(connections_per_address=1)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    with connect(gateway) as first, contextlib.ExitStack() as stack:
        first.sendall(ask(held, "GET", TAGS))
        assert read_answer(first).status == 200
        crowd = [knock(gateway, stack) for _ in range(8)]
        # Nobody hangs up before all have been judged: a place that is free again would be given to the next.
        heads = [peek(client) for client in crowd]
        assert sorted(heads) == [b""] * 5 + [b"HTTP/1.1 503"] * 3
        with connect(gateway, "127.0.0.2") as client:
            client.sendall(ask(held, "GET", TAGS))
            assert read_answer(client).status == 200


def knock(gateway: Gateway, stack: contextlib.ExitStack) -> socket.socket | None:
    """None where the reset was there before `connect` had returned."""
    try:
        return stack.enter_context(connect(gateway))
    except ConnectionResetError:
        return None


def peek(client: socket.socket | None) -> bytes:
    try:
        return b"" if client is None else client.recv(12)
    except ConnectionResetError:
        return b""


# -- sizes


def test_upload_beyond_the_limit_is_refused_before_it_begins(start: Start) -> None:
    gateway, registry = start(upload_bytes=1000)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    refused = exchange(gateway.port, ask(held, "POST", UPLOAD, "Content-Length: 1001"))[0]
    assert (refused.status, reason_of(refused)) == (413, "request-too-large")
    assert not registry.received
    fine = ask(held, "POST", UPLOAD, "Content-Length: 1000", "Connection: close", body=b"x" * 1000)
    assert exchange(gateway.port, fine)[0].status == 202


def test_chunked_upload_beyond_the_limit_never_looks_whole(start: Start) -> None:
    gateway, registry = start(upload_bytes=1000)
    held = gateway.grant("demo", ResourceScope("a", ALL))
    for size, status in ((1001, 413), (1000, 202)):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)
        raw = ask(held, "POST", UPLOAD, "Transfer-Encoding: chunked", "Connection: close", body=body)
        assert exchange(gateway.port, raw)[0].status == status
        # Counted, not looked for at the end: the head of the refused one may be read after the other is through.
        assert registry.received.count(b"0\r\n\r\n") == (status == 202)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /v2/ HTTP/1.1\r\nHost: gw\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: gw\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", 431),
        (b"GET /v2/" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: gw\r\n\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer " + b"e" * 10_000_000 + b"\r\n\r\n", 431),
        (b"POST /token HTTP/1.1\r\nHost: gw\r\nContent-Length: 10000000\r\n\r\n" + b"[" * 10_000_000, 413),
    ],
    ids=["10,000 fields", "a field of 1 MB", "a target of 2 MB", "a token of 10 MB", "a form of 10 MB"],
)
def test_huge_requests_cost_no_memory(start: Start, raw: bytes, status: int) -> None:
    gateway, registry = start()
    held = gateway.grant("demo", ResourceScope("a", ALL))
    before = resident_kib()
    with contextlib.ExitStack() as stack:
        for client in [stack.enter_context(connect(gateway)) for _ in range(16)]:
            with contextlib.suppress(OSError):  # the refusal comes first, and the rest has no reader
                client.sendall(raw)
            assert peek(client) in (b"HTTP/1.1 %d" % status, b"")
        assert resident_kib() - before < 50 * 1024
    assert not registry.received
    marker(gateway, held)


def resident_kib() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])

"""Every file of the corpus over the real listener, plain and TLS, before a registry that writes down each byte it gets.

After each case a good request goes through on a new connection: what the registry got in between, and what the log
got, is exactly what the case's table says.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from jit_access.domain.session_view import LeaseFacts
from jit_access.domain.tokens import hash_token
from registry_proxy.server import farewell
from registry_proxy.settings import Limits
from tests.adversarial.cases import TOKEN, Case, read_cases
from tests.adversarial.recording import RecordingRegistry, recording_registry
from tests.support.certificates import make_certificate
from tests.support.gateway import ALL, PULL, PUSH, Gateway, running_gateway, steady_now
from tests.support.raw import TIMEOUT_S, RawAnswer, read_all, read_answer, split_answers

CASES = read_cases()
CONTROL = f"GET /v2/demo/a/tags/list HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
CREDENTIAL = base64.b64encode(b"robot:upstream-password").decode()
# What a stranger may write and what anybody may ask is bounded; test_limits.py looks at that.
NO_BRAKES = Limits(
    stranger_records=10**6, stranger_records_together=10**6, requests_per_address=10**6, requests_per_grant=10**6,
    idle_body_deadline_s=1.0,
)  # fmt: skip


@dataclass(slots=True)
class Front:
    """One of the two listeners, with everything behind it."""

    gateway: Gateway
    registry: RecordingRegistry
    scheme: str
    context: ssl.SSLContext | None

    def connect(self) -> socket.socket:
        port = self.gateway.tls_port if self.context else self.gateway.port
        plain = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(plain, server_hostname="127.0.0.1") if self.context else plain

    def ours(self, exchange: str) -> list[str]:
        """The fields that the gateway puts behind those of the client."""
        return [
            f"host: 127.0.0.1:{self.registry.port}", "accept-encoding: identity",
            f"authorization: Basic {CREDENTIAL}", f"x-request-id: {exchange}",
            f"x-forwarded-proto: {self.scheme}", "x-forwarded-host: gw",
            f"traceparent: 00-{exchange[4:]}-{exchange[20:]}-01",
        ]  # fmt: skip

    def forwarded(self, lines: list[str], exchange: str) -> bytes:
        """A whole head as the registry must see it; framing comes last."""
        framing = [line for line in lines if line.startswith(("content-length:", "transfer-encoding:"))]
        client = [line for line in lines if line not in framing]
        return "\r\n".join([*client, *self.ours(exchange), *framing]).encode() + b"\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, RecordingRegistry, Path]]:
    certificate = make_certificate(tmp_path_factory.mktemp("tls"))
    with (
        pytest.MonkeyPatch.context() as patch,
        recording_registry() as registry,
        running_gateway(tmp_path_factory.mktemp("corpus"), limits=NO_BRAKES, tls=certificate) as running,
    ):
        patch.setattr(farewell, "LINGER_S", 0.2)  # TLS has no half-close: each refusal ends only after this wait
        running.add_target("demo", registry.url, "robot", "upstream-password")
        held = running.grant(
            "demo", ResourceScope("a", ALL), ResourceScope("readonly", PULL), ResourceScope("pushed", PUSH),
            ResourceScope("tagged", PULL, ("v1",)),
        )  # fmt: skip
        running.change(held, leases=(LeaseFacts("lse_1", hash_token(TOKEN), steady_now() + 3600),))
        say_good(Front(running, registry, "http", None))  # from here on the gateway knows how to sign in there
        yield running, registry, certificate[0]


@pytest.fixture(params=["plain", "tls"])
def front(request: pytest.FixtureRequest, gateway: tuple[Gateway, RecordingRegistry, Path]) -> Front:
    running, registry, authority = gateway
    is_tls = request.param == "tls"
    context = ssl.create_default_context(cafile=str(authority)) if is_tls else None
    return Front(running, registry, "https" if is_tls else "http", context)


def say_good(front: Front) -> bytes:
    """A good request on a new connection, to its last record. Returns what the registry must have got of it."""
    with front.connect() as client:
        client.sendall(CONTROL + b"Connection: close\r\n\r\n")
        answer = split_answers(read_all(client))[0]
    assert answer.status == 200
    return finished(front, answer)


def finished(front: Front, answer: RawAnswer) -> bytes:
    exchange = answer.headers[b"x-request-id"].decode()
    front.gateway.wait_record("proxy.transfer.completed", trace=exchange)
    return front.forwarded(["GET /v2/a/tags/list HTTP/1.1"], exchange)


def play(front: Front, case: Case) -> tuple[list[RawAnswer], bytes]:
    """Send the file. Returns the answers, and what the registry got of the good request after it."""
    with front.connect() as client:
        with contextlib.suppress(OSError):  # a refusal may come before all of it is sent
            client.sendall(case.raw)
        if case.closes:
            answers = split_answers(read_all(client))
            assert answers[-1].headers[b"connection"] == b"close"
            return answers, say_good(front)
        answers = [read_answer(client) for _ in case.status]
        client.sendall(CONTROL + b"Connection: close\r\n\r\n")
        good = split_answers(read_all(client))
        assert [answer.status for answer in good] == [200]
        return answers, finished(front, good[0])


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str, front: Front) -> None:
    case, seen = CASES[name], len(front.registry.received)
    known = set(front.gateway.collector.records)
    answers, good = play(front, case)
    assert tuple(answer.status for answer in answers) == case.status
    got = bytes(front.registry.received[seen:])
    if case.expect == "cut":
        check_cut(got.replace(good, b"", 1))
    else:
        assert got == expected(front, case, answers) + good
    records = [item for key, item in list(front.gateway.collector.records.items()) if key not in known]
    check_records(case, answers, [item for item in records if item["trace"] not in good.decode()])
    check_error(case, answers[-1])


def expected(front: Front, case: Case, answers: list[RawAnswer]) -> bytes:
    if not case.forwarded:
        return b""
    exchange = next(item.headers[b"x-request-id"] for item in answers if item.status >= 200).decode()
    head, body = front.forwarded(list(case.forwarded), exchange), case.body.encode()
    return head + (b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if b"chunked" in head else body)


def check_cut(got: bytes) -> None:
    """One request at most, and its body has no end."""
    assert got.count(b" HTTP/1.1\r\n") <= 1
    assert not got.endswith(b"0\r\n\r\n")


def check_records(case: Case, answers: list[RawAnswer], records: list[dict[str, object]]) -> None:
    """One refusal is one record; what was allowed has its decision and its end."""
    traces: dict[str, list[str]] = {}
    for record in records:
        traces.setdefault(str(record["trace"]), []).append(str(record["kind"]))
    wanted = {}
    for answer in answers:
        if answer.status >= 200:
            allowed = ["proxy.request.allowed", "proxy.transfer.completed"]
            refused = ["proxy.request.allowed"] * (case.expect == "cut") + ["proxy.request.refused"]
            wanted[answer.headers[b"x-request-id"].decode()] = allowed if answer.status < 400 else refused
    assert traces == wanted
    reasons = {str(item["reason"]) for item in records if item["decision"] == "deny"}
    assert reasons == ({case.reason} if case.reason else set())


def check_error(case: Case, answer: RawAnswer) -> None:
    """The error form of the distribution spec, with a reason of the closed set and no word of the client's bytes."""
    if answer.status < 400 or not answer.body:  # an answer to HEAD has none
        return
    error = json.loads(answer.body)["errors"][0]
    assert error["code"]
    assert error["message"].isprintable()
    assert Reason(error["detail"]["reason"]).value == case.reason
    assert TOKEN.encode() not in answer.body


def test_every_case_says_why_and_has_the_token_of_the_corpus_if_any() -> None:
    assert len(CASES) >= 300
    for case in CASES.values():
        assert case.why.endswith("."), case.name
        assert b"jita_" not in case.raw.replace(TOKEN.encode(), b"").replace(TOKEN[:-1].encode() + b"0", b""), case.name

"""Every hostile request of the corpus over a real socket: refused, closed, recorded once, nothing upstream."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.settings import Limits
from tests.security.edge_corpus import FINE, REFUSED
from tests.support.gateway import ALL, Gateway, running_gateway
from tests.support.raw import ScriptedUpstream, exchange


@pytest.fixture(scope="module")
def silent_upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, silent_upstream: ScriptedUpstream) -> Iterator[Gateway]:
    with running_gateway(
        tmp_path_factory.mktemp("edge"), limits=Limits(stranger_records=10_000, stranger_records_together=10_000)
    ) as running:
        running.add_target("demo", silent_upstream.url)
        yield running


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_hostile_request_is_refused_closed_and_recorded(
    name: str, gateway: Gateway, silent_upstream: ScriptedUpstream
) -> None:
    status, raw = REFUSED[name]
    held = gateway.grant("demo", ResourceScope("a", ALL), ResourceScope("a/b", ALL))
    # The same bytes with a live token: a refusal at the edge must not depend on who asks.
    line, _, rest = raw.partition(b"\r\n")
    if rest and b"authorization" not in raw.lower() and name not in ("h2_preface", "fold_first", "leading_crlf"):
        raw = line + b"\r\nAuthorization: Bearer " + held.token.encode() + b"\r\n" + rest
    answers = exchange(gateway.port, raw)
    assert [answer.status for answer in answers] == [status]
    assert answers[0].headers[b"connection"] == b"close"
    error = json.loads(answers[0].body)["errors"][0]
    assert error["code"]
    assert error["message"]
    record = gateway.wait_record("proxy.request.refused", trace=answers[0].headers[b"x-request-id"].decode())
    assert record["reason"] == error["detail"]["reason"]
    assert record["status"] == status
    assert silent_upstream.requests == []


def test_fine_twin_of_the_corpus_is_served(gateway: Gateway) -> None:
    held = gateway.grant("demo", ResourceScope("a", ALL))
    raw = FINE[:-2] + b"Authorization: Bearer " + held.token.encode() + b"\r\nConnection: close\r\n\r\n"
    assert [answer.status for answer in exchange(gateway.port, raw)] == [200]


def test_smuggled_request_behind_a_chunked_body_is_never_read(gateway: Gateway) -> None:
    """Case 1 with valid framing: the tail is a whole request, and it must not become one."""
    held = gateway.grant("demo", ResourceScope("a", ALL))
    head = (
        b"POST /token HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n"
        b"Authorization: Bearer " + held.token.encode() + b"\r\n\r\n"
    )
    answers = exchange(gateway.port, head + b"0\r\n\r\n" + FINE)
    assert len(answers) == 1
    assert answers[0].status >= 400


def test_half_open_head_is_answered_with_a_deadline(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = Limits(header_deadline_s=0.2)
    with running_gateway(tmp_path_factory.mktemp("slow"), limits=limits) as slow:
        with socket.create_connection(("127.0.0.1", slow.port), timeout=10) as client:
            client.sendall(b"GET /v2/ HTT")
            assert client.recv(65536).startswith(b"HTTP/1.1 408")
        slow.wait_record("proxy.request.refused", reason="request-too-slow")

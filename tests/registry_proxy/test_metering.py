"""What operators see: a page that Prometheus' own parser takes, and numbers that tell what happened."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.metering import CONTENT_TYPE, Meter
from registry_proxy.metering.meter import CUT_BUCKETS_S
from registry_proxy.supervisor.page import own_families
from tests.support.gateway import PULL, Gateway, Held, running_gateway, steady_now
from tests.support.processes import wait_for
from tests.support.raw import ScriptedUpstream, read_answer
from tests.support.registry import Registry, call, registry  # noqa: F401 - a fixture

BODY = b"x" * 1000
BIG = bytes(32 * 1024 * 1024)
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
THEIRS = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def gateway(tmp_path: Path, registry: Registry) -> Iterator[Gateway]:  # noqa: F811
    with running_gateway(tmp_path) as running:
        running.add_target("demo", registry.base_url)
        yield running


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Gateway]:
    """With everything on that has something to tell."""
    with running_gateway(tmp_path, cache=tmp_path / "cache") as running:
        yield running


def families(page: bytes) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(page.decode())}


def page_of(gateway: Gateway) -> dict[str, Metric]:
    answer = httpx.get(f"http://127.0.0.1:{gateway.admin_port}/metrics", trust_env=False)
    assert answer.headers["content-type"] == CONTENT_TYPE
    return families(answer.content)


def value(gateway: Gateway, name: str, **labels: str) -> float:
    """Of one sample; 0 while there is none."""
    family = name.removesuffix("_total").removesuffix("_count").removesuffix("_bucket")
    samples = page_of(gateway)[family].samples
    return sum(item.value for item in samples if item.name == name and labels.items() <= item.labels.items())


def blob(held: Held, digest: str, *more: str) -> bytes:
    lines = (f"GET /v2/demo/metered/blobs/{digest} HTTP/1.1", "Host: gw", f"Authorization: Bearer {held.token}", *more)
    return "\r\n".join((*lines, "", "")).encode()


def begin(gateway: Gateway, held: Held, digest: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.settimeout(60)
    client.connect(("127.0.0.1", gateway.port))
    client.sendall(blob(held, digest))
    assert client.recv(4096).startswith(b"HTTP/1.1 200")
    return client


def test_requests_decisions_and_bytes_are_counted_by_reason(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    digest, held = registry.push_blob("metered", BODY), gateway.grant("demo", ResourceScope("metered", PULL))
    path = f"/v2/demo/metered/blobs/{digest}"
    assert call(gateway.host, "GET", path, headers={"Authorization": f"Bearer {held.token}"})[2] == BODY
    assert call(gateway.host, "GET", path)[0] == 401
    wait_for(lambda: value(gateway, "jit_proxy_requests_total", outcome="allow", reason="ok") == 1, "one was allowed")
    assert value(gateway, "jit_proxy_requests_total", outcome="deny", reason="token-missing") == 1
    assert value(gateway, "jit_proxy_decisions_total", decision="allow", reason="granted") == 1
    assert value(gateway, "jit_proxy_decisions_total", decision="deny", reason="token-missing") == 1
    assert value(gateway, "jit_proxy_bytes_total", direction="out") >= len(BODY)
    assert value(gateway, "jit_proxy_upstream_connections_total", kind="new") == 1


def test_bytes_count_once_while_their_connection_stays(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    digest, held = registry.push_blob("metered", BODY), gateway.grant("demo", ResourceScope("metered", PULL))
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        for count in (1, 2):
            client.sendall(blob(held, digest))
            assert read_answer(client).body == BODY
            wait_for(lambda: value(gateway, "jit_proxy_requests_total", outcome="allow") == count, "it was counted")  # noqa: B023
            assert value(gateway, "jit_proxy_bytes_total", direction="out") == count * len(BODY)


def test_running_transfer_is_seen_before_it_ends(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    digest, held = registry.push_blob("metered", BIG), gateway.grant("demo", ResourceScope("metered", PULL))
    with begin(gateway, held, digest):
        wait_for(lambda: 0 < value(gateway, "jit_proxy_bytes_total", direction="out") < len(BIG), "bytes are seen")
        assert value(gateway, "jit_proxy_streams") == 1
        assert value(gateway, "jit_proxy_connections") == 1
    wait_for(lambda: value(gateway, "jit_proxy_streams") == 0, "it ended")
    wait_for(lambda: value(gateway, "jit_proxy_connections") == 0, "its connection is gone")
    ended = gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)
    assert value(gateway, "jit_proxy_bytes_total", direction="out") == ended["bytes_out"]


def test_cut_is_timed_when_somebody_told_of_it(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    digest, held = registry.push_blob("metered", BIG), gateway.grant("demo", ResourceScope("metered", PULL))
    with begin(gateway, held, digest):
        gateway.revoke(held)
        wait_for(lambda: value(gateway, "jit_proxy_cuts_total", reason=Reason.GRANT_REVOKED) == 1, "it was cut")
    assert value(gateway, "jit_proxy_cut_latency_seconds_count") == 1


def test_cut_by_the_clock_is_counted_and_not_timed(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    digest = registry.push_blob("metered", BIG)
    held = gateway.grant("demo", ResourceScope("metered", PULL))
    with begin(gateway, held, digest):
        gateway.change(held, valid_until=steady_now() + 0.3)
        wait_for(lambda: value(gateway, "jit_proxy_cuts_total") == 1, "its time ran out")
    assert value(gateway, "jit_proxy_cut_latency_seconds_count") == 0


def test_queue_of_the_log_is_told_while_the_control_plane_is_away(gateway: Gateway) -> None:
    held = gateway.grant("demo", ResourceScope("metered", PULL))
    wait_for(lambda: value(gateway, "jit_proxy_spool_records") == 0, "nothing waits")
    assert value(gateway, "jit_proxy_spool_oldest_seconds") == 0
    gateway.collector.close()
    for _ in range(3):
        call(gateway.host, "GET", "/v2/", headers={"Authorization": f"Bearer {held.token}"})
    wait_for(lambda: value(gateway, "jit_proxy_spool_records") >= 3, "they wait")
    assert value(gateway, "jit_proxy_spool_bytes") > 3 * 300
    first = value(gateway, "jit_proxy_spool_oldest_seconds")
    wait_for(lambda: value(gateway, "jit_proxy_spool_oldest_seconds") > max(first, 0), "they grow older")


def test_latency_is_a_histogram_as_prometheus_wants_it() -> None:
    meter = Meter()
    for latency_s in (0.0, 0.0005, 0.0006, 3.0):
        meter.cut("grant-revoked", latency_s)
    meter.cut("grant-expired")
    found = families(meter.render())["jit_proxy_cut_latency_seconds"]
    buckets = {item.labels["le"]: item.value for item in found.samples if item.name.endswith("_bucket")}
    assert found.type == "histogram"
    assert list(buckets.values()) == sorted(buckets.values())
    assert (buckets["0.0005"], buckets["0.001"], buckets["1.0"], buckets["+Inf"]) == (2, 3, 3, 4)
    assert len(buckets) == len(CUT_BUCKETS_S) + 1
    rest = {item.name: item.value for item in found.samples if not item.name.endswith("_bucket")}
    assert rest == {f"{found.name}_count": 4, f"{found.name}_sum": pytest.approx(3.0011)}


# -- what operators are told to look at


def test_every_metric_that_operations_names_exists(keeping: Gateway) -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:jit_proxy|process)_[a-z_]+", text))
    there = page_of(keeping) | {family.name: family for family in own_families({}, {}, {})}
    names = {name for family in there.values() for name in _names(family)}
    assert len(named) > 12
    assert named - names == set()


def test_every_metric_of_ours_is_explained_in_operations(keeping: Gateway) -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    there = {*page_of(keeping), *(family.name for family in own_families({}, {}, {}))}
    assert {name for name in there if name.startswith("jit_proxy_") and name not in text} == set()


def _names(family: Metric) -> set[str]:
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
    return {family.name, *(family.name + ending for ending in endings)}


# -- traces


def test_trace_goes_through_to_record_and_registry(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, head: bytes) -> None:
        seen.append(head)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with running_gateway(tmp_path) as running, ScriptedUpstream(answer) as upstream:
        running.add_target("demo", upstream.url)
        held = running.grant("demo", ResourceScope("metered", PULL))
        credential = {"Authorization": f"Bearer {held.token}"}
        path = f"/v2/demo/metered/blobs/sha256:{'0' * 64}"
        more = {"traceparent": f"00-{THEIRS}-00f067aa0ba902b7-01", "tracestate": "a=b", "baggage": "c=d"}
        _, headers, _ = call(running.host, "GET", path, headers=credential | more)
        exchange = headers["x-request-id"]
        record = running.wait_record("proxy.transfer.completed", exchange=exchange)
        assert record["trace"] == THEIRS
        assert f"\r\ntraceparent: 00-{THEIRS}-{exchange[-16:]}-01\r\n".encode() in seen[0]
        assert f"\r\nx-request-id: {exchange}\r\n".encode() in seen[0]
        assert not [word for word in (b"tracestate", b"baggage", b"00f067aa0ba902b7") if word in seen[0]]
        _, headers, _ = call(running.host, "GET", path, headers=credential)
        exchange = headers["x-request-id"]
        assert running.wait_record("proxy.transfer.completed", exchange=exchange)["trace"] == exchange
        assert f"\r\ntraceparent: 00-{exchange[4:]}-{exchange[-16:]}-01\r\n".encode() in seen[1]

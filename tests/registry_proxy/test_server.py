"""The listener over real sockets before a real registry: keep-alive, pipelining, tokens, refusals, the cut, caps."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from jit_access.domain.operations import Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.server import farewell
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.settings import Limits
from tests.support.gateway import ALL, PULL, PUSH, Gateway, Held, running_gateway, steady_now
from tests.support.processes import wait_for
from tests.support.raw import exchange, read_all, read_answer
from tests.support.registry import MANIFEST_TYPE, Registry, call, digest_of, registry  # noqa: F401 - a fixture

BIG = os.urandom(1024 * 1024) * 32


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Gateway]:  # noqa: F811
    with running_gateway(tmp_path_factory.mktemp("server")) as running:
        running.add_target("demo", registry.base_url)
        yield running


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:  # noqa: F811
    return registry.push_blob("big", BIG)


def bearer(held: Held) -> dict[str, str]:
    return {"Authorization": f"Bearer {held.token}"}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()}


def reason_of(body: bytes) -> str:
    return str(json.loads(body)["errors"][0]["detail"]["reason"])


def request(held: Held, method: str, target: str, *more: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: gw", f"Authorization: Bearer {held.token}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


# -- tokens


def test_ping_challenges_without_and_answers_with_a_token(gateway: Gateway) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    status, headers, body = call(gateway.host, "GET", "/v2/")
    assert (status, reason_of(body)) == (401, "token-missing")
    assert headers["www-authenticate"] == f'Bearer realm="{gateway.url}/token",service="{gateway.host}"'
    for credential in (bearer(held), basic(held.token)):
        assert call(gateway.host, "GET", "/v2/", headers=credential)[0] == 200


@pytest.mark.parametrize("credential", [basic, lambda token: {"Authorization": f"Bearer {token}"}])
def test_token_endpoint_answers_the_same_token(gateway: Gateway, credential: object) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL), lasts_s=600)
    path = "/token?service=gw&scope=repository:demo/a:pull&scope=repository:demo/b:*"
    status, headers, body = call(gateway.host, "GET", path, headers=credential(held.token))  # type: ignore[operator]
    answer = json.loads(body)
    assert status == 200
    assert headers["cache-control"] == "no-store"
    assert answer["token"] == answer["access_token"] == held.token
    assert 60 <= answer["expires_in"] <= 600
    assert "refresh_token" not in answer


def test_token_form_takes_password_and_refresh_grants(gateway: Gateway) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for fields in (
        {"grant_type": "password", "username": "ada", "password": held.token, "access_type": "offline"},
        {"grant_type": "refresh_token", "refresh_token": held.token, "service": "gw"},
    ):
        status, _, body = call(gateway.host, "POST", "/token", urlencode(fields).encode(), kind)
        assert (status, json.loads(body)["access_token"]) == (200, held.token)
    wrong = urlencode({"grant_type": "password", "password": "nonsense"}).encode()
    assert call(gateway.host, "POST", "/token", wrong, kind)[0] == 401
    assert call(gateway.host, "POST", "/token", b"grant_type=code", kind)[0] == 400
    assert call(gateway.host, "POST", "/token", b"a=" + b"b" * 20_000, kind)[0] == 413


def test_token_endpoint_says_in_401_why_a_revoked_session_ended(gateway: Gateway) -> None:
    """containers/image shows the message of a token answer only for 401."""
    held = gateway.grant("demo", ResourceScope("a", PULL))
    gateway.revoke(held)
    status, _, body = call(gateway.host, "GET", "/token", headers=basic(held.token))
    assert (status, reason_of(body)) == (401, "grant-revoked")


def test_no_token_reaches_a_record(gateway: Gateway) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    call(gateway.host, "GET", f"/v2/{held.token}/a/manifests/x", headers=bearer(held))
    call(gateway.host, "GET", f"/token?account={held.token}", headers=basic(held.token))
    call(gateway.host, "GET", "/v2/", headers=bearer(held) | {"User-Agent": f"x {held.token}"})
    wait_for(lambda: gateway.records("proxy.transfer.completed", grant=held.view.grant_id), "records")
    assert held.token not in json.dumps(gateway.records())


# -- what is answered here


def test_catalogue_holds_only_what_the_grant_pulls(gateway: Gateway) -> None:
    held = gateway.grant("demo", *(ResourceScope(name, PULL) for name in ("b", "a", "c")))
    _, headers, body = call(gateway.host, "GET", "/v2/_catalog?n=2", headers=bearer(held))
    assert json.loads(body) == {"repositories": ["demo/a", "demo/b"]}
    assert headers["link"] == f'<{gateway.url}/v2/_catalog?last=demo/b&n=2>; rel="next"'
    _, headers, body = call(gateway.host, "GET", "/v2/_catalog?n=2&last=demo/b", headers=bearer(held))
    assert json.loads(body) == {"repositories": ["demo/c"]}
    assert "link" not in headers


def test_hidden_and_unknown_look_the_same(gateway: Gateway, big: str) -> None:
    """A repository that exists, one that does not, and another target: one answer."""
    held = gateway.grant("demo", ResourceScope("a", PULL))
    answers = []
    for name in ("demo/big", "demo/nowhere", "other/big"):
        status, headers, body = call(gateway.host, "GET", f"/v2/{name}/tags/list", headers=bearer(held))
        headers.pop("x-request-id")
        headers.pop("content-length")
        headers.pop("www-authenticate")
        answers.append((status, headers, body.replace(name.encode(), b"NAME")))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 403


def test_foreign_blob_is_as_unknown_as_any(gateway: Gateway, big: str) -> None:
    """zot CVE-2024-39897: a digest of another repository, asked for through an allowed one."""
    held = gateway.grant("demo", ResourceScope("big2", PUSH))
    foreign = call(gateway.host, "GET", f"/v2/demo/big2/blobs/{big}", headers=bearer(held))
    unknown = call(gateway.host, "GET", f"/v2/demo/big2/blobs/{digest_of(b'?')}", headers=bearer(held))
    assert foreign[0] == unknown[0] == 404
    assert foreign[2].replace(big.encode(), b"") == unknown[2].replace(digest_of(b"?").encode(), b"")


def test_mount_of_a_foreign_blob_falls_back_to_an_upload(gateway: Gateway, big: str, registry: Registry) -> None:  # noqa: F811
    held = gateway.grant("demo", ResourceScope("mine", PUSH))
    both = gateway.grant("demo", ResourceScope("mine2", PUSH), ResourceScope("big", PULL))
    status, headers, _ = call(
        gateway.host, "POST", f"/v2/demo/mine/blobs/uploads/?mount={big}&from=demo/big", headers=bearer(held)
    )
    assert status == 202
    assert headers["location"].startswith(f"{gateway.url}/v2/demo/mine/blobs/uploads/")
    assert registry.call("HEAD", f"/v2/mine/blobs/{big}")[0] == 404
    record = gateway.wait_record("proxy.transfer.completed", repository="mine")
    assert record["detail"]["mount"] == "mount-source-not-granted"  # type: ignore[index]
    twin = call(gateway.host, "POST", f"/v2/demo/mine2/blobs/uploads/?mount={big}&from=demo/big", headers=bearer(both))
    assert twin[0] == 201


@pytest.mark.parametrize("reference", ["v1", "digest"])
def test_changed_manifest_is_told_in_words_where_digests_are_verified(
    gateway: Gateway,
    registry: Registry,  # noqa: F811
    reference: str,
) -> None:
    """Small enough to be read before anything is said: a client gets an answer, not a torn connection."""
    name = f"changed-{reference}"
    digest, _ = registry.push_artifact(name, "v1", name.encode())
    held = gateway.grant("demo", ResourceScope(name, PULL), verify=True)
    path = f"/v2/demo/{name}/manifests/{digest if reference == 'digest' else reference}"
    headers = bearer(held) | {"Accept": MANIFEST_TYPE}
    before = call(gateway.host, "GET", path, headers=headers)
    assert (before[0], digest_of(before[2])) == (200, digest)
    registry.overwrite(digest, before[2].replace(b"tar", b"zip", 1))
    status, _, body = call(gateway.host, "GET", path, headers=headers)
    assert (status, json.loads(body)["errors"][0]["detail"]["reason"]) == (502, "digest-mismatch")
    assert b"Target: demo." in body
    assert gateway.wait_record("proxy.request.refused", repository=name)["reason"] == "digest-mismatch"


@pytest.mark.parametrize(("verifies", "status", "said"), [(False, 206, "bytes"), (True, 200, None)])
def test_what_is_hashed_on_its_way_is_read_as_a_whole_and_says_so(
    gateway: Gateway,
    registry: Registry,  # noqa: F811
    *,
    verifies: bool,
    status: int,
    said: str | None,
) -> None:
    digest = registry.push_blob("ranged", b"ranged bytes")
    held = gateway.grant("demo", ResourceScope("ranged", PULL), verify=verifies)
    path = f"/v2/demo/ranged/blobs/{digest}"
    answer = call(gateway.host, "GET", path, headers=bearer(held) | {"Range": "bytes=0-5"})
    assert (answer[0], answer[2]) == (status, b"ranged" if status == 206 else b"ranged bytes")
    assert call(gateway.host, "HEAD", path, headers=bearer(held))[1].get("accept-ranges") == said


def test_range_past_the_end_is_416_on_a_connection_that_goes_on(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    """docker-registry 2.8 announces a longer body than it sends there, and a client would wait for it."""
    digest = registry.push_blob("short", b"short")
    held = gateway.grant("demo", ResourceScope("short", PULL))
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        client.sendall(request(held, "GET", f"/v2/demo/short/blobs/{digest}", "Range: bytes=99-"))
        assert read_answer(client).status == 416
        client.sendall(request(held, "GET", f"/v2/demo/short/blobs/{digest}", "Range: bytes=1-2"))
        part = read_answer(client)
    assert (part.status, part.body, part.headers[b"content-range"]) == (206, b"ho", b"bytes 1-2/5")


# -- connections


def test_keep_alive_request_is_decided_anew(gateway: Gateway) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        for _ in range(3):
            client.sendall(request(held, "GET", "/v2/"))
            assert read_answer(client).status == 200
        gateway.revoke(held)
        client.sendall(request(held, "GET", "/v2/demo/a/tags/list"))
        answer = read_answer(client)
    assert (answer.status, reason_of(answer.body)) == (403, "grant-revoked")


def test_client_that_pipelines_and_reads_nothing_is_not_served_on(
    tmp_path: Path, registry: Registry  # noqa: F811
) -> None:  # fmt: skip
    """Manifests of a restricted scope are answers of our own, held whole in memory."""
    registry.push_artifact("queue", "small", b"layer")
    _, _, small = registry.call("GET", "/v2/queue/manifests/small", b"", {"Accept": MANIFEST_TYPE})
    large = json.dumps(json.loads(small) | {"annotations": {"padding": "x" * 1_000_000}}).encode()
    registry.call("PUT", "/v2/queue/manifests/large", large, {"Content-Type": MANIFEST_TYPE})
    with running_gateway(tmp_path, limits=Limits(idle_body_deadline_s=0.5)) as strict:
        strict.add_target("demo", registry.base_url)
        held = strict.grant("demo", ResourceScope("queue", PULL, ("large",)))
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", strict.port))
            client.sendall(request(held, "GET", "/v2/demo/queue/manifests/large", f"Accept: {MANIFEST_TYPE}") * 20)
            strict.wait_record("proxy.transfer.completed")
            wait_for(lambda: not connections_of(strict), "the gateway let go of the connection")
        call(strict.host, "GET", "/last")
        strict.wait_record("proxy.request.refused", status=404)  # records arrive in order
        assert len(strict.records("proxy.request.allowed")) < 20


def test_pipelined_requests_are_answered_in_order(gateway: Gateway, big: str) -> None:
    held = gateway.grant("demo", ResourceScope("big", PULL))
    last = request(held, "GET", "/v2/_catalog", "Connection: close")
    raw = request(held, "HEAD", f"/v2/demo/big/blobs/{big}") + request(held, "GET", "/v2/") + last
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        client.sendall(raw)
        head = read_answer(client, is_head=True)
        assert (head.status, head.headers[b"content-length"]) == (200, b"%d" % len(BIG))
        assert read_answer(client).body == b"{}\n"
        assert b"demo/big" in read_answer(client).body
        assert client.recv(1) == b""


def test_expect_continue_is_answered_only_for_an_allowed_body(gateway: Gateway) -> None:
    held, other = gateway.grant("demo", ResourceScope("a", PUSH)), gateway.grant("demo", ResourceScope("a", PULL))
    body = b"{}"
    target = f"/v2/demo/a/blobs/uploads/?digest={digest_of(body)}"
    more = ("Content-Length: 2", "Expect: 100-continue", "Content-Type: application/octet-stream")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        client.sendall(request(held, "POST", target, *more))
        assert read_answer(client).status == 100
        client.sendall(body)
        assert read_answer(client).status in (201, 202)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        client.sendall(request(other, "POST", target, *more))
        assert read_answer(client).status == 403


def test_client_fields_that_claim_an_identity_do_not_arrive(gateway: Gateway) -> None:
    """Case 5: decided by the token alone, and the registry sees the gateway's values once."""
    held = gateway.grant("demo", ResourceScope("a", PULL))
    spoof = ("X-Forwarded-Host: evil", "X_Remote_User: root", "Impersonate-User: root", "X-Forwarded-For: 1.2.3.4",
             "Forwarded: host=evil", "Cookie: a=b", "X-HTTP-Method-Override: DELETE")  # fmt: skip
    answer = exchange(gateway.port, request(held, "GET", "/v2/demo/b/tags/list", *spoof, "Connection: close"))[0]
    assert answer.status == 403


def test_connection_caps_refuse_with_a_reason(tmp_path: Path) -> None:
    limits = Limits(connections=3, connections_per_address=2)
    with running_gateway(tmp_path, limits=limits) as small, contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(socket.create_connection(("127.0.0.1", small.port), timeout=60))
        third = stack.enter_context(socket.create_connection(("127.0.0.1", small.port), timeout=60))
        assert read_answer(third).status == 503
        small.wait_record("proxy.request.refused", reason="too-many-connections")


# -- the cut


def start_download(gateway: Gateway, held: Held, digest: str) -> socket.socket:
    """A client that has read the head and then stops reading."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.settimeout(60)
    client.connect(("127.0.0.1", gateway.port))
    client.sendall(request(held, "GET", f"/v2/demo/big/blobs/{digest}"))
    assert client.recv(4096).startswith(b"HTTP/1.1 200")
    return client


def read_rest(client: socket.socket) -> bool:
    """Read what is left of BIG; False when it never comes."""
    left = len(BIG) - 4096
    with contextlib.suppress(ConnectionResetError):
        while left > 0 and (piece := client.recv(1024 * 1024)):
            left -= len(piece)
    return left <= 0


def ends_by_reset(client: socket.socket) -> bool:
    """Read to the end; a clean end of stream is what must not happen."""
    try:
        while client.recv(1024 * 1024):
            pass
    except ConnectionResetError:
        return True
    return False


def test_revoked_download_ends_by_a_reset(gateway: Gateway, big: str) -> None:
    held = gateway.grant("demo", ResourceScope("big", PULL))
    with start_download(gateway, held, big) as client:
        gateway.revoke(held)
        assert ends_by_reset(client)
    cut = gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)
    assert cut["reason"] == "grant-revoked"
    assert 0 < int(str(cut["bytes_out"])) < len(BIG)


def test_stalled_download_is_cut_without_the_clients_help(gateway: Gateway, big: str) -> None:
    """No slice moves while the client reads nothing, so the question between slices is never asked."""
    held = gateway.grant("demo", ResourceScope("big", PULL))
    with start_download(gateway, held, big):
        wait_for(lambda: is_any_held_back(gateway), "a stalled download")
        gateway.revoke(held)
        cut = gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)
    assert cut["reason"] == "grant-revoked"


def is_any_held_back(gateway: Gateway) -> bool:
    assert gateway.server is not None
    running = [item._registry.download for item in gateway.server._crowd.connections.values() if item is not None]
    return any(download.is_held_back for download in running if download is not None)


def connections_of(gateway: Gateway) -> list[ClientConnection]:
    assert gateway.server is not None
    return list(gateway.server._crowd.connections)


def test_slow_client_gets_the_tail_although_the_connection_closes(
    gateway: Gateway, big: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(farewell, "LINGER_S", 0.05)
    held = gateway.grant("demo", ResourceScope("big", PULL))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the tail waits on the gateway's side
        client.settimeout(60)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(request(held, "GET", f"/v2/demo/big/blobs/{big}", "Connection: close"))
        received = bytearray(read_answer(client, is_head=True).body)
        while len(received) < len(BIG) - 200_000:
            received += client.recv(65536)
        gateway.wait_record("proxy.transfer.completed", grant=held.view.grant_id)
        wait_for(lambda: not connections_of(gateway), "the gateway closed its side")
        received += read_all(client)
    assert len(received) == len(BIG)


def test_untouched_download_beside_it_ends_well(gateway: Gateway, big: str) -> None:
    held, other = gateway.grant("demo", ResourceScope("big", PULL)), gateway.grant("demo", ResourceScope("big", PULL))
    with start_download(gateway, held, big) as client:
        gateway.revoke(other)
        client.shutdown(socket.SHUT_WR)
        assert read_rest(client)
    gateway.wait_record("proxy.transfer.completed", grant=held.view.grant_id, bytes_out=len(BIG))


@pytest.mark.parametrize(("staleness", "survives"), [(Staleness.STRICT, False), (Staleness.BEST_EFFORT, True)])
def test_lost_control_plane_refuses_new_and_cuts_strict(
    tmp_path: Path, registry: Registry, big: str, staleness: Staleness, survives: bool  # noqa: F811
) -> None:  # fmt: skip
    with running_gateway(tmp_path) as lonely:
        lonely.add_target("demo", registry.base_url)
        held = lonely.grant("demo", ResourceScope("big", PULL), staleness=staleness)
        with start_download(lonely, held, big) as client:
            lonely.is_beating = False
            wait_for(lambda: lonely.gate is not None and lonely.gate._staleness == 2, "a lost control plane")
            status, _, body = call(lonely.host, "GET", "/v2/", headers=bearer(held))
            assert (status, reason_of(body)) == (503, "control-plane-lost")
            assert read_rest(client) is survives
        kind = "proxy.transfer.completed" if survives else "proxy.transfer.cut"
        lonely.wait_record(kind, grant=held.view.grant_id)


def test_expired_grant_cuts_the_stream(gateway: Gateway, big: str) -> None:
    held = gateway.grant("demo", ResourceScope("big", PULL))
    with start_download(gateway, held, big) as client:
        gateway.change(held, valid_until=steady_now() + 0.3)
        wait_for(lambda: gateway.records("proxy.transfer.cut", grant=held.view.grant_id), "the cut")
        assert ends_by_reset(client)
    assert gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)["reason"] == "grant-expired"


def test_revoked_upload_ends_and_leaves_no_blob(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    held = gateway.grant("demo", ResourceScope("up", PUSH))
    _, headers, _ = call(gateway.host, "POST", "/v2/demo/up/blobs/uploads/", headers=bearer(held))
    target = headers["location"].removeprefix(gateway.url)
    body = os.urandom(1024 * 1024)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        client.sendall(request(held, "PUT", f"{target}&digest={digest_of(body)}", f"Content-Length: {len(body)}"))
        client.sendall(body[: len(body) // 2])
        wait_for(lambda: gateway.moved_under(held) > 0, "a running upload")
        gateway.revoke(held)
        assert ends_by_reset(client)
    assert gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)["reason"] == "grant-revoked"
    assert registry.call("HEAD", f"/v2/up/blobs/{digest_of(body)}")[0] == 404


def test_client_that_reads_nothing_is_cut_after_the_idle_deadline(
    tmp_path: Path, registry: Registry, big: str  # noqa: F811
) -> None:  # fmt: skip
    with running_gateway(tmp_path, limits=Limits(idle_body_deadline_s=0.3)) as strict:
        strict.add_target("demo", registry.base_url)
        held = strict.grant("demo", ResourceScope("big", PULL))
        with start_download(strict, held, big):
            assert strict.wait_record("proxy.transfer.cut")["reason"] == "request-too-slow"


def test_slow_readers_do_not_fill_memory(gateway: Gateway, big: str) -> None:
    """Each stopped reader may hold a few slices, never the blob."""
    held = gateway.grant("demo", ResourceScope("big", PULL))
    before = _resident_kib()
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(start_download(gateway, held, big))
        wait_for(lambda: len(gateway.records("proxy.request.allowed", grant=held.view.grant_id)) == 8, "eight streams")
        assert _resident_kib() - before < 64 * 1024


def _resident_kib() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


# -- the process


def test_admin_page_tells_health_readiness_and_metrics(gateway: Gateway) -> None:
    host = f"127.0.0.1:{gateway.admin_port}"
    assert call(host, "GET", "/healthz")[0] == 200
    assert call(host, "GET", "/readyz")[0] == 200
    assert b"jit_proxy_requests" in call(host, "GET", "/metrics")[2]
    assert call(host, "GET", "/v2/")[0] == 404


def test_drain_lets_a_transfer_end_and_cuts_what_stays(tmp_path: Path, registry: Registry, big: str) -> None:  # noqa: F811
    with running_gateway(tmp_path) as going:
        going.add_target("demo", registry.base_url)
        held = going.grant("demo", ResourceScope("big", PULL))
        client = start_download(going, held, big)
    with client:
        assert ends_by_reset(client)
    assert going.records("proxy.transfer.cut")[-1]["reason"] == Reason.DRAINING


def test_importing_the_server_loads_neither_django_nor_celery() -> None:
    code = (
        "import sys, registry_proxy.server;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'celery', 'rest_framework'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_parallel_requests_each_get_their_own_answer(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    blobs = {registry.push_blob("many", body): body for body in (os.urandom(1000 + size) for size in range(20))}
    held = gateway.grant("demo", ResourceScope("many", ALL))
    wrong: list[str] = []

    def fetch(digest: str) -> None:
        path = f"/v2/demo/many/blobs/{digest}"
        bodies = {call(gateway.host, "GET", path, headers=bearer(held))[2] for _ in range(5)}
        wrong.extend([digest] if bodies != {blobs[digest]} else [])

    threads = [threading.Thread(target=fetch, args=(digest,)) for digest in blobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

"""What the README promises, with everything real: pages, policy, queue, two proxies, a registry, skopeo."""

from __future__ import annotations

import base64
import http.client
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from jit_access.demo.model.artifacts import EXHIBITS, digest_of
from jit_access.demo.stack.layout import ROOT
from tests.support import stories
from tests.support.processes import wait_for
from tests.support.stack import Stack
from tests.support.stories import Started
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
SMALL_BUFFER_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def big_layer() -> tuple[str, int]:
    """Digest and size of the shard of 64 MiB."""
    artifact = next(exhibit for exhibit in EXHIBITS if exhibit.repository == stories.MODEL).make()
    body = max((layer.body for layer in artifact.layers), key=len)
    return digest_of(body), len(body)


def pull(stack: Stack, held: Started, folder: Path, name: str = stories.MODEL) -> subprocess.CompletedProcess[str]:
    source = f"docker://{stack.gateway}/demo-registry/{name}:v1"
    return stories.skopeo("copy", "--src-tls-verify=false", "--src-creds", f"ada:{held.token}", source, f"dir:{folder}")


def ping(stack: Stack, held: Started) -> tuple[int, str]:
    """Status and reason of the smallest request."""
    answer = httpx.get(f"{stack.layout.gateway_url}/v2/", auth=("ada", held.token))
    errors = answer.json().get("errors", [])
    return answer.status_code, errors[0]["detail"]["reason"] if errors else ""


def manage(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    env = stack.environment()
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


class SlowPull:
    """A pull that somebody reads slowly: begun, and far from done."""

    def __init__(self, stack: Stack, held: Started, digest: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        self._socket.settimeout(60)
        self._socket.connect(("127.0.0.1", stack.layout.ports.gateway))
        login = base64.b64encode(f"ada:{held.token}".encode()).decode()
        path = f"/v2/demo-registry/{stories.MODEL}/blobs/{digest}"
        head = f"GET {path} HTTP/1.1\r\nHost: {stack.gateway}\r\nAuthorization: Basic {login}\r\n\r\n"
        self._socket.sendall(head.encode())
        self._response = http.client.HTTPResponse(self._socket)
        self._response.begin()
        assert self._response.status == 200
        self.received = len(self._response.read(1024 * 1024))

    def read_to_the_end(self) -> None:
        """Raises ConnectionError or IncompleteRead when the gateway cuts."""
        while piece := self._response.read(1024 * 1024):
            self.received += len(piece)

    def close(self) -> None:
        self._response.close()
        self._socket.close()


def test_pull_by_the_book(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    held = stories.get_access(visit)
    pulled = pull(stack, held, tmp_path / "model")
    assert pulled.returncode == 0, pulled.stderr
    other = pull(stack, held, tmp_path / "other", "llm/frontier")
    assert other.returncode != 0
    assert "Your grant does not cover this repository" in other.stderr
    stories.end(visit("ada"), held.grant_id)
    again = pull(stack, held, tmp_path / "again")
    assert again.returncode != 0
    assert "You ended this grant" in again.stderr


def test_pull_over_tls(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    held = stories.get_access(visit)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "ca.crt").write_bytes(stack.ca_file.read_bytes())
    source = f"docker://{stack.gateway_tls}/demo-registry/{stories.MODEL}:v1"
    creds = ("--src-creds", f"ada:{held.token}")
    trusting = stories.skopeo("copy", "--src-cert-dir", tmp_path / "certs", *creds, source, f"dir:{tmp_path / 'model'}")
    assert trusting.returncode == 0, trusting.stderr
    strict = stories.skopeo("copy", *creds, source, f"dir:{tmp_path / 'other'}")
    assert "x509" in strict.stderr
    stories.end(visit("ada"), held.grant_id)


def test_running_pull_is_cut_on_both_proxies(stack: Stack, visit: Visit, big_layer: tuple[str, int]) -> None:
    digest, size = big_layer
    held = stories.get_access(visit)
    pulls = [SlowPull(stack, held, digest) for _ in range(6)]  # the kernel spreads them over both processes
    stories.end(visit("ada"), held.grant_id)
    for running in pulls:
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            running.read_to_the_end()
        assert running.received < size
        running.close()


def test_slow_pull_that_nobody_cuts_arrives_whole(stack: Stack, visit: Visit, big_layer: tuple[str, int]) -> None:
    digest, size = big_layer
    held = stories.get_access(visit)
    running = SlowPull(stack, held, digest)
    running.read_to_the_end()
    running.close()
    assert running.received == size
    stories.end(visit("ada"), held.grant_id)


def test_security_revokes_what_somebody_else_holds(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    held = stories.get_access(visit)
    dora = visit("dora")
    token = dora.client.cookies.get("csrftoken", "")
    headers = {"X-CSRFToken": token, "Referer": stack.web, "Origin": stack.web}
    answer = dora.client.post(f"/api/v1/grants/{held.grant_id}/revoke", json={"note": "Laptop lost"}, headers=headers)
    assert answer.status_code == 200, answer.text
    refused = pull(stack, held, tmp_path / "model")
    assert refused.returncode != 0
    assert "revoked" in refused.stderr


def test_kill_of_a_proxy_loses_no_record(stack: Stack, visit: Visit, big_layer: tuple[str, int]) -> None:
    """Each allowed request was on disk before its first byte moved."""
    digest, _ = big_layer
    held = stories.get_access(visit)
    pulls = [SlowPull(stack, held, digest) for _ in range(4)]
    stack.kill("proxy-1")
    for running in pulls:
        running.close()
    stack.start("proxy-1")
    wait_for(lambda: _allowed_pulls(visit, held, digest) == len(pulls), "every allowed pull is in the log")
    stories.end(visit("ada"), held.grant_id)


def test_killed_worker_delays_nothing_that_ends(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    held = stories.get_access(visit)
    stack.kill("worker")
    try:
        stories.end(visit("ada"), held.grant_id)
        assert "You ended this grant" in pull(stack, held, tmp_path / "model").stderr
    finally:
        stack.start("worker")


def test_lost_redis_lets_nothing_new_through_and_recovers(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    held = stories.get_access(visit)
    stack.kill("valkey")
    try:
        wait_for(lambda: ping(stack, held) == (503, "control-plane-lost"), "new requests are refused")
        assert "503 (Service Unavailable)" in pull(stack, held, tmp_path / "no").stderr
    finally:
        stack.start("valkey")
    wait_for(stack.is_every_proxy_ready, "both proxies hear the control plane again")
    wait_for(lambda: pull(stack, held, tmp_path / "yes").returncode == 0, "pulls work again")
    stories.end(visit("ada"), held.grant_id)


def test_outsider_finds_nothing_to_start(stack: Stack, visit: Visit) -> None:
    cleo = visit("cleo")
    cleo.open(f"/request?resource=demo-registry/{stories.MODEL}&operation=pull")
    assert "There is nothing here that you may ask for." in cleo.page.text
    assert stories.MODEL not in cleo.page.text


def test_log_of_all_this_is_whole(stack: Stack, visit: Visit) -> None:
    answer = manage(stack, "audit", "verify", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def _allowed_pulls(visit: Visit, held: Started, digest: str) -> int:
    asked = {"grant": held.grant_id, "page_size": "100"}
    rows = visit("dora").client.get("/api/v1/activity", params=asked).json()["results"]
    return len({row["exchange"] for row in rows if row["reference"] == digest and row["decision"] == "allow"})

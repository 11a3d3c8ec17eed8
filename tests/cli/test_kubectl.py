"""The exec plugin, started by a real `kubectl` against a stand-in of a cluster's API that takes one token."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jit_access.cli.setups import plans
from jit_access.cli.setups.own_entries import Memory, plan_setup
from jit_access.demo.stack.certificates import ensure_certificates
from jit_access.domain.tokens import hash_token
from jit_access.grants import services as grants
from tests.support.lifecycles import BASE, World, active
from tests.support.machine import Machine

pytestmark = pytest.mark.django_db(transaction=True)
TARGET = "demo-registry"  # any target will do: the plugin hands out a grant's token and asks not what it opens
PODS = {
    "kind": "PodList",
    "apiVersion": "v1",
    "metadata": {},
    "items": [{"metadata": {"name": "trainer", "namespace": "ml"}}],
}
RESOURCES = {
    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1",
    "resources": [{"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"]}],
}  # fmt: skip
ANSWERS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": RESOURCES,
    "/api/v1/namespaces/ml/pods": PODS,
}


@dataclass(slots=True)
class Cluster:
    url: str = ""
    ca_file: Path = Path()
    tokens: list[str] = field(default_factory=list)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Over TLS: over plain HTTP kubectl starts no plugin."""
    ensure_certificates(tmp_path)
    held = Cluster(ca_file=tmp_path / "ca.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(held))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "localhost.pem", tmp_path / "localhost.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    held.url = f"https://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield held
    server.shutdown()
    server.server_close()


def handler_of(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cluster.tokens.append(self.headers.get("Authorization", ""))
            is_known = self.headers.get("Authorization", "").startswith("Bearer jita_grant_")
            found = ANSWERS.get(self.path.partition("?")[0]) if is_known else None
            body = json.dumps(
                found or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401}
            ).encode()
            self.send_response(200 if found else 401 if not is_known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    return Handler


@pytest.fixture
def kubectl(machine: Machine, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Set up as `jit setup kube` will, once there are clusters among the targets."""
    binary = shutil.which("kubectl") or pytest.fail("kubectl is not installed (Debian: apt install kubernetes-client)")
    machine.env["KUBECONFIG"] = str(machine.file("config"))
    monkeypatch.setenv("KUBECONFIG", machine.env["KUBECONFIG"])
    monkeypatch.setenv("PATH", machine.env["PATH"])
    entries = plans.kube_entries(cluster.url, TARGET, address=machine.env["JIT_ADDR"], ca_file=str(cluster.ca_file))
    plan_setup(Memory(machine.file("setup.json")), plans.KUBE, TARGET, entries).carry_out()
    if knows_only_the_beta(binary):
        config = machine.file("config")
        config.write_text(
            config.read_text().replace("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
        )
    return (binary, f"--context=jit-{TARGET}", "--namespace=ml")


def knows_only_the_beta(binary: str) -> bool:
    """Debian 12 has 1.20; version 1 of the plugins came with 1.22."""
    said = subprocess.run([binary, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True)
    return int(json.loads(said.stdout)["clientVersion"]["minor"].rstrip("+")) < 22


def test_kubectl_works_with_a_grant_and_not_without(
    world: World, machine: Machine, cluster: Cluster, kubectl: tuple[str, ...]
) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot)
    done = machine.run(*kubectl, "get", "pods", "-o", "name")
    assert (done.returncode, done.stdout) == (0, "pod/trainer\n"), done.stderr
    shown = {hash_token(item.removeprefix("Bearer ")) for item in cluster.tokens}
    assert shown == {lease.token_hash for lease in grant.leases.all()}
    grants.relinquish_grant(actor=world.cast.ci_bot, grant=grant)
    cluster.tokens.clear()
    refused = machine.run(*kubectl, "get", "pods", "-o", "name")
    assert refused.returncode != 0
    assert f"jit request {TARGET}/… --for 1h" in refused.stderr
    assert cluster.tokens == []

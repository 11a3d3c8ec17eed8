"""The TLS listener: same answers, https in every address that we write, HTTP/1.1 only."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.stream.pump import Pump
from tests.support.certificates import make_certificate
from tests.support.gateway import PULL, PUSH, Gateway, running_gateway
from tests.support.registry import Registry, call, registry  # noqa: F401 - a fixture

BODY = os.urandom(4 * 1024 * 1024)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, registry: Registry, certificate: tuple[Path, Path]  # noqa: F811
) -> Iterator[Gateway]:  # fmt: skip
    with running_gateway(tmp_path_factory.mktemp("tls-gateway"), tls=certificate) as running:
        running.add_target("demo", registry.base_url)
        yield running


def ask(gateway: Gateway, ca: Path, method: str, path: str, token: str = "") -> tuple[int, dict[str, str], bytes]:
    context = ssl.create_default_context(cafile=str(ca))
    connection = http.client.HTTPSConnection("127.0.0.1", gateway.tls_port, context=context, timeout=60)
    connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, body


def test_addresses_we_write_are_https(gateway: Gateway, certificate: tuple[Path, Path]) -> None:
    """distribution#479 and harbor#6405: an http Location behind TLS breaks every push."""
    held = gateway.grant("demo", ResourceScope("tls", PUSH))
    _, headers, _ = ask(gateway, certificate[0], "GET", "/v2/")
    assert f'realm="https://127.0.0.1:{gateway.tls_port}/token"' in headers["www-authenticate"]
    _, headers, _ = ask(gateway, certificate[0], "POST", "/v2/demo/tls/blobs/uploads/", held.token)
    assert headers["location"].startswith(f"https://127.0.0.1:{gateway.tls_port}/v2/demo/tls/blobs/uploads/")


def test_blob_arrives_whole_and_unverified_client_is_not_served_h2(
    gateway: Gateway, certificate: tuple[Path, Path], registry: Registry  # noqa: F811
) -> None:  # fmt: skip
    digest = registry.push_blob("tls", BODY)
    held = gateway.grant("demo", ResourceScope("tls", PULL))
    assert ask(gateway, certificate[0], "GET", f"/v2/demo/tls/blobs/{digest}", held.token)[2] == BODY
    context = ssl.create_default_context(cafile=str(certificate[0]))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", gateway.tls_port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() == "http/1.1"


def test_tls_goes_through_user_space(
    gateway: Gateway, certificate: tuple[Path, Path], registry: Registry, pumps: list[Pump]  # noqa: F811
) -> None:  # fmt: skip
    """Beside it, the same blob over the plain listener goes by the kernel."""
    digest = registry.push_blob("tls-large", BODY)
    held = gateway.grant("demo", ResourceScope("tls-large", PULL))
    path = f"/v2/demo/tls-large/blobs/{digest}"
    assert ask(gateway, certificate[0], "GET", path, held.token)[2] == BODY
    assert not pumps
    assert call(gateway.host, "GET", path, headers={"Authorization": f"Bearer {held.token}"})[2] == BODY
    assert len(pumps) == 1


def test_skopeo_pulls_and_pushes_over_tls(
    gateway: Gateway, certificate: tuple[Path, Path], registry: Registry, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    registry.push_artifact("tls-model", "v1", BODY)
    held = gateway.grant("demo", ResourceScope("tls-model", PULL), ResourceScope("tls-copy", PUSH))
    host, creds, certs = f"127.0.0.1:{gateway.tls_port}", f"ada:{held.token}", str(certificate[0].parent)
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "ca.crt").write_bytes((Path(certs) / "ca.crt").read_bytes())
    common = ["skopeo", "--insecure-policy", "copy"]
    pulled = [*common, "--src-cert-dir", str(folder), "--src-creds", creds, f"docker://{host}/demo/tls-model:v1",
              f"dir:{tmp_path / 'out'}"]  # fmt: skip
    pushed = [*common, "--dest-cert-dir", str(folder), "--dest-creds", creds, f"dir:{tmp_path / 'out'}",
              f"docker://{host}/demo/tls-copy:v1"]  # fmt: skip
    for command in (pulled, pushed):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

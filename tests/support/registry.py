"""A real `docker-registry` on an ephemeral port, with its files in a folder of the test."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.processes import Child, accepts, free_port, start, wait_ready

_CONFIG = """\
version: 0.1
log: {{level: {log_level}, formatter: json}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(slots=True)
class Registry:
    """Where it answers, its process, and where its files lie."""

    base_url: str
    child: Child
    data: Path

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One plain request, past the gateway."""
        return call(self.host, method, path, body, headers)

    def push_blob(self, repository: str, body: bytes) -> str:
        """Store a blob directly and return its digest."""
        digest = digest_of(body)
        _, headers, _ = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        place = urlsplit(headers["location"])
        status, _, _ = self.call("PUT", f"{place.path}?{place.query}&digest={digest}", body)
        assert status == 201
        return digest

    def push_artifact(self, repository: str, tag: str, *layers: bytes) -> tuple[str, list[str]]:
        """Store a manifest with its layers directly; returns its digest and those of the layers."""
        config = self.push_blob(repository, b"{}")
        digests = [self.push_blob(repository, layer) for layer in layers]
        body = manifest_of(config, digests, layers)
        status, _, _ = self.call(
            "PUT", f"/v2/{repository}/manifests/{tag}", body, {"Content-Type": MANIFEST_TYPE}
        )  # fmt: skip
        assert status == 201
        return digest_of(body), digests

    def overwrite(self, digest: str, body: bytes) -> None:
        """Change what is stored under a digest, as a hand or a disk may."""
        digits = digest.partition(":")[2]
        blobs = self.data / "docker/registry/v2/blobs/sha256"
        (blobs / digits[:2] / digits / "data").write_bytes(body)

    def stop(self) -> None:
        self.child.stop()


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def manifest_of(config: str, digests: list[str], layers: tuple[bytes, ...]) -> bytes:
    """An OCI manifest over an empty config."""
    described = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(layer)}
        for digest, layer in zip(digests, layers, strict=True)
    ]
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
            "layers": described,
        }
    ).encode()


def call(
    host: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own; header names come back in lower case."""
    connection = http.client.HTTPConnection(host, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body or None, headers or {})
        response = connection.getresponse()
        data = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, data


def start_registry(folder: Path, *, log_level: str = "warn", more: str = "") -> Registry:
    """Start it and wait until it answers. A missing binary fails loudly: the suite needs the real one.

    `more` is added to its configuration.
    """
    binary = shutil.which("docker-registry")
    if binary is None:
        pytest.fail("docker-registry is not installed (Debian: apt install docker-registry)")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = folder / "registry.yml"
    text = _CONFIG.format(data=folder / "data", port=port, log_level=log_level) + more
    config.write_text(text, encoding="utf-8")
    child = start("docker-registry", [binary, "serve", config], folder=folder, env={"OTEL_TRACES_EXPORTER": "none"})
    wait_ready(child, lambda: accepts(port))
    return Registry(f"http://127.0.0.1:{port}", child, folder / "data")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One registry for the run; tests keep apart by repository name."""
    running = start_registry(tmp_path_factory.mktemp("registry"))
    yield running
    running.stop()

"""Debian's docker-registry for these tests, open or behind htpasswd, with a helper to put a small artifact in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from jit_access.connectors.base import Endpoint
from jit_access.core.secret import Secret
from tests.support.processes import accepts, free_port, running, start, wait_ready

USERNAME = "gateway"
PASSWORD = "gateway-secret-1"
# bcrypt, cost 4, of the password above: docker-registry reads nothing else.
HTPASSWD = f"{USERNAME}:$2b$04$SU0e6eNlVDFWi1ORkAbGJ.6FJJxLmt0gKAGT5bUbIdoKhlW/xaXWC\n"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class RealRegistry:
    """A running registry. `password` is empty when it is open to everybody."""

    port: int
    password: str

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def endpoint(self, *, password: str | None = None, username: str = USERNAME) -> Endpoint:
        secret = Secret(self.password if password is None else password)
        return Endpoint("prod-registry", self.base_url, username, secret, allow_private=True)

    def push(self, name: str, tag: str, *blobs: bytes) -> int:
        """Put an artifact in and return how many bytes of blobs it names."""
        auth = httpx.BasicAuth(USERNAME, self.password) if self.password else None
        with httpx.Client(base_url=self.base_url, auth=auth, trust_env=False) as client:
            described = []
            for blob in (b"{}", *blobs):
                digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
                place = client.post(f"/v2/{name}/blobs/uploads/").raise_for_status().headers["Location"]
                joint = "&" if "?" in place else "?"
                client.put(f"{place}{joint}digest={digest}", content=blob).raise_for_status()
                described.append({"mediaType": "application/octet-stream", "digest": digest, "size": len(blob)})
            body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
            headers = {"Content-Type": MANIFEST}
            sent = client.put(f"/v2/{name}/manifests/{tag}", content=json.dumps(body), headers=headers)
            sent.raise_for_status()
        return sum(len(blob) for blob in (b"{}", *blobs))


@contextmanager
def real_registry(folder: Path, *, needs_password: bool) -> Iterator[RealRegistry]:
    """Run a registry until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if needs_password:
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    child = start("docker-registry", ["/usr/bin/docker-registry", "serve", folder / "config.yml"], folder=folder)
    with running(child):
        wait_ready(child, lambda: accepts(port))
        yield RealRegistry(port, PASSWORD if needs_password else "")

"""Puts an artifact into a registry over HTTP, as any client would, skipping what is there already."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from jit_access.demo.model.artifacts import MANIFEST, Artifact, Exhibit, Layer, digest_of

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Registry:
    """Where to push, and as whom."""

    url: str
    username: str = ""
    password: str = ""

    def client(self) -> httpx.Client:
        login = (self.username, self.password) if self.username else None
        return httpx.Client(base_url=self.url, auth=login, timeout=_TIMEOUT_S, trust_env=False)


def push_exhibit(exhibit: Exhibit, registry: Registry) -> bool:
    """Push it unless its tag is there. True when something was pushed."""
    with registry.client() as client:
        address = f"/v2/{exhibit.repository}/manifests/{exhibit.tag}"
        if client.head(address, headers={"Accept": MANIFEST}).status_code == httpx.codes.OK:
            return False
        push_artifact(client, exhibit.repository, exhibit.tag, exhibit.make())
        return True


def push_artifact(client: httpx.Client, repository: str, tag: str, artifact: Artifact) -> None:
    """Blobs first: a registry refuses a manifest that names what it does not hold."""
    for layer in (artifact.config, *artifact.layers):
        _push_blob(client, repository, layer)
    headers = {"Content-Type": MANIFEST}
    client.put(f"/v2/{repository}/manifests/{tag}", content=artifact.manifest(), headers=headers).raise_for_status()


def _push_blob(client: httpx.Client, repository: str, layer: Layer) -> None:
    digest = digest_of(layer.body)
    if client.head(f"/v2/{repository}/blobs/{digest}").status_code == httpx.codes.OK:
        return
    begun = client.post(f"/v2/{repository}/blobs/uploads/")
    begun.raise_for_status()
    place = httpx.URL(urljoin(str(begun.url), begun.headers["Location"])).copy_merge_params({"digest": digest})
    headers = {"Content-Type": "application/octet-stream"}
    client.put(place, content=layer.body, headers=headers).raise_for_status()

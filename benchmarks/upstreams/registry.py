"""Debian's `docker-registry`, filled once with one model; each visit starts it anew over the same files."""

from __future__ import annotations

import hashlib
import http.client
import io
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from benchmarks.packages import command
from benchmarks.processes import CannotMeasure
from benchmarks.site import MANIFEST_TYPE, REPOSITORY, TAG, Blob, Site, make_random_file, manifest_of
from benchmarks.upstreams.base import Upstream

_CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", relativeurls: true}}
"""
_CONFIG_BODY = b"{}"


def registry_upstream(site: Site, port: int) -> Upstream:
    """How to start it."""
    config = site.memory / "registry.yml"
    config.write_text(_CONFIG.format(data=site.memory / "registry", port=port), encoding="utf-8")
    arguments = (command("docker-registry"), "serve", str(config))
    env = {"OTEL_TRACES_EXPORTER": "none"}
    return Upstream("registry", port, lambda: site.others.serve("registry", arguments, port, env))


def fill(site: Site, upstream: Upstream, sizes: Sequence[int]) -> tuple[list[Blob], bytes]:
    """Push a model with layers of these sizes. Returns them, as files that others may serve too, and the manifest."""
    child = upstream.start()
    try:
        blobs = [_push_random(site, upstream.port, size) for size in sizes]
        config = _push(upstream.port, io.BytesIO(_CONFIG_BODY), len(_CONFIG_BODY))
        manifest = manifest_of(blobs[0], config, len(_CONFIG_BODY))
        _call(upstream.port, "PUT", f"/v2/{REPOSITORY}/manifests/{TAG}", manifest, {"Content-Type": MANIFEST_TYPE})
    finally:
        child.stop()
    return blobs, manifest


def _push_random(site: Site, port: int, size: int) -> Blob:
    source = make_random_file(site.memory / "blob", size)
    with source.open("rb") as file:
        digest = _push(port, file, size)
    source.unlink()
    return Blob(digest, size, _stored(site, digest))


def _stored(site: Site, digest: str) -> Path:
    """One copy in memory is enough: the registry's own file serves both upstreams."""
    name = digest.partition(":")[2]
    return site.memory / "registry/docker/registry/v2/blobs/sha256" / name[:2] / name / "data"


def _push(port: int, file: BinaryIO, size: int) -> str:
    digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"  # type: ignore[arg-type]  # typeshed wants more
    file.seek(0)
    location = urlsplit(_call(port, "POST", f"/v2/{REPOSITORY}/blobs/uploads/")["location"])
    path = f"{location.path}?{location.query}&digest={digest}"
    _call(port, "PUT", path, file, {"Content-Length": str(size), "Content-Type": "application/octet-stream"})
    return digest


def _call(
    port: int, method: str, path: str, body: bytes | BinaryIO | None = None, headers: dict[str, str] | None = None
) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    if answer.status >= 300:
        raise CannotMeasure(f"the registry answered {method} with {answer.status}")
    return {name.lower(): value for name, value in answer.getheaders()}

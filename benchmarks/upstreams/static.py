"""nginx serving files: the fastest upstream that there is, so that what stands before it shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.packages import command
from benchmarks.site import ENDLESS, MANIFEST_TYPE, REPOSITORY, TAG, Blob, Site, make_endless_file, user_line
from benchmarks.upstreams.base import Upstream

_CONFIG = """{user}
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=100; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ }}
  server {{
    listen 127.0.0.1:{port} backlog=4096; root {root};
    default_type application/octet-stream;
    location ~ /manifests/ {{ default_type {manifest_type}; }}
  }}
}}
"""


def static_upstream(site: Site, port: int, blobs: Sequence[Blob], manifest: bytes) -> Upstream:
    """Lay the files out once; each visit starts a new server over them."""
    folder = site.memory / "static"
    root = folder / "root"
    repository = root / "v2" / REPOSITORY
    for part in ("manifests", "blobs"):
        (repository / part).mkdir(parents=True)
    (repository / "manifests" / TAG).write_bytes(manifest)
    for blob in blobs:
        (repository / "blobs" / blob.digest).symlink_to(blob.file)
    make_endless_file(repository / "blobs" / ENDLESS)
    config = folder / "nginx.conf"
    _write(config, folder, root, port)
    return Upstream(
        "static", port, lambda: site.others.serve("static", (command("nginx"), "-c", str(config)), port)
    )  # fmt: skip


def _write(config: Path, folder: Path, root: Path, port: int) -> None:
    text = _CONFIG.format(user=user_line(), folder=folder, root=root, port=port, manifest_type=MANIFEST_TYPE)
    config.write_text(text, encoding="utf-8")

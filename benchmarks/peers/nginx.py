"""nginx as a reverse proxy, alone and asking an authorization backend (auth_request) before each request."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import command
from benchmarks.peers.base import Door, Visit, stopping
from benchmarks.processes import CannotMeasure, free_port
from benchmarks.site import Site, user_line
from benchmarks.upstreams.base import Upstream
from jit_access.demo.stack.children import Child

_TEMP = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MAIN = """{user}
daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  access_log {folder}/{name}.access combined buffer=64k flush=1s;
  {temp}
  keepalive_requests 1000000000; sendfile on; tcp_nodelay on;
  {body}
}}
"""
# Unbuffered uploads and no response on disk, as the registry's own manual asks for; buffers large enough that a large
# body does not go through 4 KiB pages one by one.
_PROXY = """
  upstream behind {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  {auth_upstream}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen 127.0.0.1:{tls_port} ssl backlog=4096;
    ssl_certificate {tls}/localhost.pem; ssl_certificate_key {tls}/localhost.key; ssl_protocols TLSv1.3;
    client_max_body_size 0;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    proxy_request_buffering off; proxy_max_temp_file_size 0;
    proxy_buffer_size 16k; proxy_buffers 16 64k; proxy_busy_buffers_size 256k;
    location / {{ {auth_request} proxy_pass http://behind; }}
    {auth_location}
  }}
"""
_AUTH_UPSTREAM = "upstream decision {{ server 127.0.0.1:{auth}; keepalive 256; keepalive_requests 1000000000; }}"
_AUTH_LOCATION = """location = /_decision {
      internal; proxy_pass http://decision/; proxy_pass_request_body off; proxy_set_header Content-Length "";
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Original-URI $request_uri;
    }"""
_BACKEND = "access_log off; server {{ listen 127.0.0.1:{port} backlog=4096; return 204; }}"


@dataclass(frozen=True, slots=True)
class Nginx:
    """`has_auth`: with auth_request and a backend that always says yes, the cheapest decision there can be."""

    has_auth: bool = False

    @property
    def name(self) -> str:
        return "nginx-auth" if self.has_auth else "nginx"

    @property
    def title(self) -> str:
        return "nginx + auth_request" if self.has_auth else "nginx"

    @contextlib.contextmanager
    def open(self, site: Site, upstream: Upstream) -> Iterator[Visit]:
        auth = start_auth_backend(site) if self.has_auth else None
        with stopping(*([auth[0]] if auth else [])):
            door = Door(free_port(), free_port())
            child = self._start(site, upstream, door, auth[1] if auth else 0)
            with stopping(child):
                children = [child, *([auth[0]] if auth else [])]
                yield Visit(door, children, cut=lambda: kill_sockets(door.port))

    def _start(self, site: Site, upstream: Upstream, door: Door, auth: int) -> Child:
        body = _PROXY.format(
            upstream=upstream.port,
            port=door.port,
            tls_port=door.tls_port,
            tls=site.tls,
            auth_upstream=_AUTH_UPSTREAM.format(auth=auth) if auth else "",
            auth_request="auth_request /_decision;" if auth else "",
            auth_location=_AUTH_LOCATION if auth else "",
        )
        return serve_nginx(site, self.name, body, door.port)


def start_auth_backend(site: Site) -> tuple[Child, int]:
    """A server that answers 204 to everything, on the measured core: deciding is part of the price."""
    port = free_port()
    return serve_nginx(site, "decision", _BACKEND.format(port=port), port), port


def serve_nginx(site: Site, name: str, body: str, port: int) -> Child:
    """One nginx of our own with this http section. Raises CannotMeasure."""
    config = write_config(site.disk, name, body)
    return site.measured.serve(name, (command("nginx"), "-e", "stderr", "-c", str(config)), port)


def write_config(folder: Path, name: str, body: str) -> Path:
    """A whole configuration file; nothing is shared with an nginx that the machine may run."""
    temp = " ".join(f"{part}_temp_path {folder}/{name}-{part};" for part in _TEMP)
    config = folder / f"{name}.conf"
    text = _MAIN.format(user=user_line(), folder=folder, name=name, temp=temp, body=body)
    config.write_text(text, encoding="utf-8")
    return config


def kill_sockets(port: int) -> float:
    """nginx has no command that ends a running transfer: the kernel is asked to reset its sockets. Returns when.

    Needs CAP_NET_ADMIN and INET_DIAG_DESTROY. Raises CannotMeasure.
    """
    began = time.monotonic()
    words = (command("ss"), "-K", "-H", "-t", "state", "established", "src", f"127.0.0.1:{port}")
    answer = subprocess.run(words, check=False, capture_output=True, text=True)
    if answer.returncode or not answer.stdout.strip():
        raise CannotMeasure("ss -K ended no socket here (it needs root and INET_DIAG_DESTROY)")
    return began

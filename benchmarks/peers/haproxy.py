"""HAProxy, copying through user space and moving bodies in the kernel (splice)."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import command
from benchmarks.peers.base import Door, Visit, stopping
from benchmarks.processes import CannotMeasure, free_port
from benchmarks.site import Site
from benchmarks.upstreams.base import Upstream

# A pipe of 1 MiB and splice for both directions: with the default pipe and splice-auto there is no gain to see.
_SPLICE = "option splice-response\n  option splice-request"
_CONFIG = """global
  maxconn 4000
  nbthread 1
  log stdout format raw local0
  stats socket {socket} mode 600 level admin
  tune.pipesize 1048576
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  {splice}
frontend door
  bind 127.0.0.1:{port} backlog 4096
  bind 127.0.0.1:{tls_port} ssl crt {pem} alpn http/1.1 backlog 4096
  default_backend behind
backend behind
  server one 127.0.0.1:{upstream}
"""


@dataclass(frozen=True, slots=True)
class HAProxy:
    """One thread: it has one core, as everybody."""

    has_splice: bool = False

    @property
    def name(self) -> str:
        return "haproxy-splice" if self.has_splice else "haproxy"

    @property
    def title(self) -> str:
        return "HAProxy, splice" if self.has_splice else "HAProxy"

    @contextlib.contextmanager
    def open(self, site: Site, upstream: Upstream) -> Iterator[Visit]:
        door = Door(free_port(), free_port())
        admin = site.disk / f"{self.name}.sock"
        config = self._write(site, upstream, door, admin)
        child = site.measured.serve(self.name, (command("haproxy"), "-db", "-f", str(config)), door.port)
        with stopping(child):
            yield Visit(door, [child], cut=lambda: shut_sessions(admin))

    def _write(self, site: Site, upstream: Upstream, door: Door, admin: Path) -> Path:
        pem = site.disk / "haproxy.pem"
        pem.write_text("".join((site.tls / f"localhost.{part}").read_text("ascii") for part in ("pem", "key")), "ascii")
        text = _CONFIG.format(
            socket=admin,
            splice=_SPLICE if self.has_splice else "",
            port=door.port,
            tls_port=door.tls_port,
            pem=pem,
            upstream=upstream.port,
        )
        config = site.disk / f"{self.name}.cfg"
        config.write_text(text, encoding="utf-8")
        return config


def shut_sessions(admin: Path) -> float:
    """`shutdown sessions`: all transfers of the one server, the fastest way that HAProxy offers. Returns when."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(admin))
        client.sendall(b"shutdown sessions server behind/one\n")
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(4096)
    if answer.strip():
        raise CannotMeasure(f"HAProxy did not shut the sessions: {answer!r}")
    return began

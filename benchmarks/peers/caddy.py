"""Caddy as a reverse proxy, alone and with forward_auth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import command
from benchmarks.peers.base import Door, Visit, stopping
from benchmarks.peers.nginx import start_auth_backend
from benchmarks.processes import free_port
from benchmarks.site import Site
from benchmarks.upstreams.base import Upstream

_CONFIG = """{{
  admin off
  auto_https off
  servers {{
    protocols h1
  }}
}}
(behind) {{
  log {{
    output file {folder}/{name}.access
  }}
  {auth}
  reverse_proxy 127.0.0.1:{upstream} {{
    flush_interval 0
    transport http {{
      keepalive_idle_conns_per_host 256
    }}
  }}
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  import behind
}}
https://127.0.0.1:{tls_port} {{
  bind 127.0.0.1
  tls {tls}/localhost.pem {tls}/localhost.key {{
    protocols tls1.3
  }}
  import behind
}}
"""
_AUTH = """forward_auth 127.0.0.1:{auth} {{
    uri /decision
    transport http {{
      keepalive_idle_conns_per_host 256
    }}
  }}"""


@dataclass(frozen=True, slots=True)
class Caddy:
    """`has_auth`: with forward_auth and the same backend that nginx gets."""

    has_auth: bool = False

    @property
    def name(self) -> str:
        return "caddy-auth" if self.has_auth else "caddy"

    @property
    def title(self) -> str:
        return "Caddy + forward_auth" if self.has_auth else "Caddy"

    @contextlib.contextmanager
    def open(self, site: Site, upstream: Upstream) -> Iterator[Visit]:
        auth = start_auth_backend(site) if self.has_auth else None
        with stopping(*([auth[0]] if auth else [])):
            door = Door(free_port(), free_port())
            config = self._write(site, upstream, door, auth[1] if auth else 0)
            arguments = (command("caddy"), "run", "--config", str(config), "--adapter", "caddyfile")
            home = {name: str(site.disk / "caddy") for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
            child = site.measured.serve(self.name, arguments, door.port, home)
            with stopping(child):
                yield Visit(door, [child, *([auth[0]] if auth else [])])

    def _write(self, site: Site, upstream: Upstream, door: Door, auth: int) -> Path:
        text = _CONFIG.format(
            folder=site.disk,
            name=self.name,
            auth=_AUTH.format(auth=auth) if auth else "",
            upstream=upstream.port,
            port=door.port,
            tls_port=door.tls_port,
            tls=site.tls,
        )
        config = site.disk / f"{self.name}.Caddyfile"
        config.write_text(text, encoding="utf-8")
        return config

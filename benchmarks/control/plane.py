"""Starts the control plane once per run. It stays up while peers are measured, so that all meet the same neighbour."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import django

from benchmarks.meters import TreeMeter
from benchmarks.processes import free_port
from benchmarks.site import Site
from jit_access.demo.bootstrap.terminal import Terminal
from jit_access.demo.stack import services
from jit_access.demo.stack.keys import ensure_keys, environment, proxy_environment
from jit_access.demo.stack.layout import ROOT, Layout, Ports
from jit_access.demo.stack.services import Service
from jit_access.demo.stack.supervisor import Supervisor

MOST_PROXIES = 2
# A thousand clients come from one address, and one grant serves every load: the limits that stop abuse would stop the
# measurement. What they cost is still paid, because every connection and request is counted against them.
_LIFTED = {
    "JIT_PROXY_CONNECTIONS": "8192",
    "JIT_PROXY_CONNECTIONS_PER_ADDRESS": "8192",
    "JIT_PROXY_REQUESTS_PER_ADDRESS": "1000000",
    "JIT_PROXY_REQUEST_BURST_PER_ADDRESS": "1000000",
    "JIT_PROXY_REQUESTS_PER_GRANT": "1000000",
    "JIT_PROXY_REQUEST_BURST_PER_GRANT": "1000000",
    "JIT_PROXY_STREAMS_PER_GRANT": "8192",
}


@dataclass(slots=True)
class ControlPlane:
    """Its addresses and secrets, for the proxies of a visit."""

    layout: Layout
    supervisor: Supervisor
    tls: Path
    lifted: dict[str, str] = field(default_factory=lambda: dict(_LIFTED))

    def proxy_environment(self, number: int) -> dict[str, str]:
        """Of one proxy process."""
        own = {
            "JIT_PROXY_TLS_CERT": str(self.tls / "localhost.pem"),
            "JIT_PROXY_TLS_KEY": str(self.tls / "localhost.key"),
            "JIT_LOG_LEVEL": "WARNING",
        }
        return environment(self.layout) | proxy_environment(self.layout, number) | self.lifted | own

    @property
    def meter(self) -> TreeMeter:
        """What the control plane costs on the other core."""
        return TreeMeter(tuple(self.supervisor.child(name).process.pid for name in ("valkey", "web", "publisher")))


@contextlib.contextmanager
def running_control_plane(site: Site) -> Iterator[ControlPlane]:
    """Everything but worker and beat: they shorten lags that no load here meets. Sets Django up in this process."""
    admin = tuple(free_port() for _ in range(MOST_PROXIES))
    layout = Layout(site.disk / "stack", Ports(free_port(), free_port(), free_port(), 0, admin), has_demo=False)
    layout.make_folders()
    ensure_keys(layout)
    terminal = Terminal(io.StringIO(), has_signs=False, has_colour=False)
    supervisor = Supervisor(layout, environment(layout) | {"JIT_LOG_LEVEL": "WARNING"}, terminal)
    try:
        supervisor.bring_up([services.valkey(layout)])
        supervisor.run_to_end(Service("prepare", (sys.executable, str(ROOT / "manage.py"), "prepare"), lambda: True))
        supervisor.bring_up(services.control_plane(layout))
        os.environ.update(environment(layout) | {"JIT_LOG_LEVEL": "ERROR"})
        django.setup()
        yield ControlPlane(layout, supervisor, site.tls)
    finally:
        supervisor.stop_all()

"""The gateway itself, as it is deployed: `python -m registry_proxy` before a real control plane, everything on."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.control.grants import Held, get_grant
from benchmarks.control.plane import ControlPlane
from benchmarks.peers.base import Door, Visit, stopping
from benchmarks.processes import CannotMeasure, refuse_served, wait_until
from benchmarks.results import OURS
from benchmarks.site import Site
from benchmarks.upstreams.base import Upstream
from jit_access.demo.stack.children import Child


@dataclass(slots=True)
class Gateway:
    """One or more proxy processes on the measured core, sharing their ports by SO_REUSEPORT."""

    control: ControlPlane
    processes: int = 1
    name: str = OURS
    title: str = "this gateway"
    _held: dict[str, Held] = field(default_factory=dict)

    @contextlib.contextmanager
    def open(self, site: Site, upstream: Upstream) -> Iterator[Visit]:
        held = self._held.get(upstream.name)
        if held is None:
            held = self._held[upstream.name] = get_grant(upstream.name)
        ports = self.control.layout.ports
        refuse_served(ports.gateway, ports.gateway_tls, *ports.admin)
        children: list[Child] = []
        with contextlib.ExitStack() as ends:
            for number in range(1, self.processes + 1):
                child = self._start(site, number)
                ends.enter_context(stopping(child))
                children.append(child)
            for number, child in enumerate(children):
                self._wait(child, ports.admin[number])
            door = Door(ports.gateway, ports.gateway_tls, upstream.name, held.token)
            yield Visit(door, children, explain=lambda: _refusals(ports.admin[0]))

    def _start(self, site: Site, number: int) -> Child:
        environment = self.control.proxy_environment(number)
        # Not shipped yet when the last visit ended: that is its own cost, not this one's.
        shutil.rmtree(Path(environment["JIT_SPOOL_DIR"]), ignore_errors=True)
        return site.measured.start(f"gateway-{number}", (sys.executable, "-m", "registry_proxy"), environment)

    def _wait(self, child: Child, port: int) -> None:
        wait_until(lambda: child.status is not None or _is_ready(port), "the gateway ready")
        if child.status is not None:
            raise CannotMeasure(f"the gateway ended with {child.status}: {' | '.join(child.log_tail(4))}")


def _is_ready(port: int) -> bool:
    try:
        return _ask(port, "/readyz").status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def _refusals(port: int) -> str:
    """Its own counters by reason, without those of what was let through."""
    try:
        lines = _ask(port, "/metrics").read().decode().splitlines()
    except (OSError, http.client.HTTPException) as exc:
        return f"its counters cannot be read: {exc}"
    return ", ".join(line for line in lines if 'reason="' in line and not line.endswith((" 0", " 0.0")))


def _ask(port: int, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    connection.request("GET", path, headers={"Connection": "close"})
    return connection.getresponse()

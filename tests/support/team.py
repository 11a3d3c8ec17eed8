"""A parent and its workers as real processes, before a real registry, under a real control plane."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
from django.conf import settings as django_settings

from jit_access.audit.models import AuditEntry
from jit_access.domain.operations import Operation, Staleness
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.domain.session_view import RepositoryFacts
from jit_access.proxy_sessions import services
from jit_access.targets.models import Target
from tests.support import pages
from tests.support.plane import Plane
from tests.support.processes import Child, start, wait_for
from tests.support.registry import Registry
from tests.support.views import TARGET, make_view

SMALL_BUFFER_BYTES = 64 * 1024


@dataclass(slots=True)
class Team:
    """`child` is the parent."""

    child: Child
    token: str
    port: int = 0
    tls_port: int = 0
    admin_port: int = 0
    ca_file: Path | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def admin(self, path: str) -> httpx.Response:
        return pages.get(f"http://127.0.0.1:{self.admin_port}{path}")

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.admin("/readyz").status_code == httpx.codes.OK
        return False

    def metric(self, line: str) -> float:
        """The value of a line that begins like this; 0 while there is none."""
        rows = self.admin("/metrics").text.splitlines()
        return sum(float(row.rpartition(" ")[2]) for row in rows if row.startswith(line))

    def signal(self, number: signal.Signals) -> None:
        """To the parent alone."""
        os.kill(self.child.process.pid, number)

    def pids(self) -> dict[str, int]:
        """Workers that were started and have not ended, by name, as the log tells it."""
        found: dict[str, int] = {}
        for line in self.events():
            if line["event"] == "worker.started":
                found[line["worker"]] = line["pid"]
            elif line["event"] in {"worker.died", "worker.left"}:
                found.pop(line["worker"], None)
        return found

    def events(self) -> list[dict[str, Any]]:
        lines = self.child.log_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def has_logged(self, event: str) -> bool:
        return any(line["event"] == event for line in self.events())

    def restart(self) -> None:
        """SIGHUP, and wait until it is over."""
        done = self.metric("jit_proxy_restarts_total")
        self.signal(signal.SIGHUP)
        wait_for(lambda: self.metric("jit_proxy_restarts_total") > done, "the restart ended")

    def wait_end(self) -> int:
        wait_for(lambda: not self.child.is_alive, "the parent ended")
        return int(self.child.process.returncode)


def records(**fields: str) -> list[dict[str, Any]]:
    """What reached the log."""
    bodies = AuditEntry.objects.filter(**fields).order_by("seq").values_list("body", flat=True)
    return [json.loads(body) for body in bodies]


def connect(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
    return client


def ask(team: Team, path: str, *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: gw", f"Authorization: Bearer {team.token}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class SlowPull:
    """A pull that has begun, and is read only when the test wants it."""

    def __init__(self, team: Team, repository: str, digest: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        self._socket.settimeout(60)
        self._socket.connect(("127.0.0.1", team.port))
        self._socket.sendall(ask(team, f"/v2/{TARGET}/{repository}/blobs/{digest}"))
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(1)
        assert head.startswith(b"HTTP/1.1 200"), head
        lines = head.lower().split(b"\r\n")
        self.length = int(next(line for line in lines if line.startswith(b"content-length:")).split()[1])

    def read(self, most: int) -> bytes:
        return self._socket.recv(most)

    def read_to_the_end(self) -> bytes:
        """All of it. Raises ConnectionError when it is cut."""
        received = bytearray()
        while len(received) < self.length:
            piece = self._socket.recv(1024 * 1024)
            if not piece:
                raise ConnectionResetError("ended early")
            received += piece
        return bytes(received)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def team_environment(plane: Plane, folder: Path, **more: str) -> dict[str, str]:
    return {
        "JIT_PROXY_LISTEN": "127.0.0.1:0",
        "JIT_PROXY_ADMIN_LISTEN": f"127.0.0.1:{_free_port()}",
        "JIT_PROXY_ID": "team",
        "JIT_CONTROL_URL": plane.url,
        "JIT_PUBLIC_URL": plane.url,
        "JIT_SPOOL_DIR": str(folder / "spool"),
        "JIT_REDIS_URL": plane.valkey.url,
        "JIT_PROXY_SECRET": django_settings.PROXY_SECRET,
        "JIT_VIEW_KEY": django_settings.VIEW_KEY.hex(),
        "JIT_PROXY_ENV_FILE": "",
        "JIT_PROXY_WORKERS": "",
        # A connection that a test holds is neither slow nor silent, however long its machine takes.
        "JIT_PROXY_IDLE_BODY_S": "600",
        "JIT_PROXY_HEADER_DEADLINE_S": "600",
    } | more


def grant_pull(token: str, registry: Registry, *repositories: str) -> None:
    """The token may pull these of this registry."""
    Target.objects.update(base_url=registry.base_url, username="", sealed_password="", allow_private=True)
    resources = [ResourceScope(name, frozenset({Operation.PULL})) for name in repositories]
    facts = tuple(RepositoryFacts(name, "standard", False, Staleness.STRICT) for name in repositories)
    services.put_views([make_view(token, scope=make_scope(resources), repositories=facts)])


@contextlib.contextmanager
def running_team(env: dict[str, str], folder: Path, token: str = "", workers: int = 2) -> Iterator[Team]:
    """Ready when the block begins; gone when it ends."""
    command = [sys.executable, "-m", "registry_proxy", *(["--workers", str(workers)] if workers else [])]
    team = Team(start("team", command, folder=folder, env=env), token)
    team.admin_port = int(env["JIT_PROXY_ADMIN_LISTEN"].rpartition(":")[2])
    try:
        wait_for(lambda: not team.child.is_alive or team.has_logged("proxy.listening"), "the parent listens")
        assert team.child.is_alive, team.child.log_text()
        listening = next(line for line in team.events() if line["event"] == "proxy.listening")
        team.port, team.tls_port = listening["plain"], listening["tls"]
        wait_for(team.is_ready, "the team is ready")
        yield team
    finally:
        team.child.stop()
        team.child.process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

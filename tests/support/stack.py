"""The whole gateway as real processes, for the flow tests: what `dev.py up` starts, on ports and data of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pyotp

from jit_access.demo.bootstrap.terminal import Terminal
from jit_access.demo.stack.__main__ import start_everything
from jit_access.demo.stack.certificates import ensure_certificates
from jit_access.demo.stack.keys import ensure_keys, environment
from jit_access.demo.stack.layout import Layout, Ports
from jit_access.demo.stack.supervisor import Supervisor
from tests.support import pages
from tests.support.processes import free_port

_STEP_S = 30


@dataclass(slots=True)
class Stack:
    """A running gateway. `demo` is what `var/demo.json` says."""

    layout: Layout
    supervisor: Supervisor
    demo: dict[str, Any]
    _used_steps: dict[str, set[int]] = field(default_factory=dict)

    @property
    def web(self) -> str:
        return self.layout.web_url

    @property
    def gateway(self) -> str:
        """host:port of the plain listener, as skopeo and oras want it."""
        return urlsplit(self.layout.gateway_url).netloc

    @property
    def gateway_tls(self) -> str:
        return urlsplit(self.layout.gateway_tls_url).netloc

    @property
    def ca_file(self) -> Path:
        return self.layout.tls / "ca.pem"

    def person(self, username: str) -> dict[str, Any]:
        return next(person for person in self.demo["people"] if person["username"] == username)

    def fresh_code(self, username: str) -> str:
        """A code that this person has not shown yet; waits for the next one when all three in reach were used."""
        used = self._used_steps.setdefault(username, set())
        while True:
            current = int(time.time()) // _STEP_S
            # The next one stays good for longest, the one before may run out on the way.
            step = next((step for step in (current, current + 1, current - 1) if step not in used), None)
            if step is not None:
                used.add(step)
                return pyotp.TOTP(self.person(username)["totp_secret"]).generate_otp(step)
            time.sleep(0.5)

    def environment(self) -> dict[str, str]:
        """For manage.py and friends beside the running processes."""
        return environment(self.layout)

    def kill(self, name: str) -> None:
        """SIGKILL: valkey, registry, web, publisher, worker, beat, proxy-1 (the parent and its workers)."""
        self.supervisor.child(name).kill()

    def start(self, name: str) -> None:
        """Start what was killed, and wait until it works."""
        self.supervisor.start_again(name)

    def is_every_proxy_ready(self) -> bool:
        """The parent's admin page is ready when each of its workers is: through the listener one answers for all."""
        addresses = [f"http://127.0.0.1:{port}/readyz" for port in self.layout.ports.admin]
        return all(pages.get(address).status_code == httpx.codes.OK for address in addresses)

    def log(self, name: str) -> str:
        return (self.layout.log / f"{name}.log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def running_stack(*, proxies: int = 2) -> Iterator[Stack]:
    """On the database that this test run uses: SQLite in its own folder, or a fresh database of the PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="jit-st-"))  # short: it holds a socket
    ports = Ports(free_port(), free_port(), free_port(), free_port(), (free_port(),))
    progress = io.StringIO()
    with _database(folder.name) as database:
        layout = Layout(folder, ports, database, proxy_workers=proxies)
        layout.make_folders()
        ensure_keys(layout)
        ensure_certificates(layout.tls)
        terminal = Terminal(progress, has_signs=False, has_colour=False)
        supervisor = Supervisor(layout, environment(layout), terminal)
        try:
            try:
                start_everything(supervisor, layout, terminal)
            except Exception as exc:
                raise AssertionError(f"{exc}\n{progress.getvalue()}") from exc
            yield Stack(layout, supervisor, json.loads(layout.people_file.read_text(encoding="utf-8")))
        finally:
            supervisor.stop_all()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _database(name: str) -> Iterator[str]:
    server = os.environ.get("JIT_DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield "sqlite"
        return
    own = "stack_" + name.replace("-", "_").lower()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{own}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{own}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{own}" WITH (FORCE)')

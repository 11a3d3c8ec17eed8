"""The real data plane in a thread: real listener, gate, spool and upstream client; only the control plane is played.

News go straight to `Gate.deliver`, as the listener thread would hand them on; records are shipped over HTTP to a
collector, as the control plane would take them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uvloop

from jit_access.domain.operations import Operation, Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.domain.session_view import LeaseFacts, RepositoryFacts, SessionView, ViewState
from jit_access.domain.tokens import ALPHABET, TokenKind, format_token, hash_token
from registry_proxy.audit_sink import AuditSink, shipper
from registry_proxy.control_client.messages import (
    Batch,
    Heartbeat,
    NewsPosition,
    Snapshot,
    ViewNews,
)
from registry_proxy.control_client.pins import PinBoard
from registry_proxy.control_client.target_facts import TargetFacts
from registry_proxy.control_client.ticks import read_ticks
from registry_proxy.gate import Gate
from registry_proxy.metering import Meter
from registry_proxy.protocols.dialects import Dialects, make_dialects
from registry_proxy.server.caching import open_cache
from registry_proxy.server.process import ProxyServer
from registry_proxy.server.services import Services
from registry_proxy.settings import Address, Limits, Secret, Settings
from registry_proxy.upstream.client import UpstreamClient
from registry_proxy.upstream.pool import ConnectionPool
from tests.support.processes import LONGEST_WAIT_S, wait_for

PUBLIC_URL = "https://access.example"
ALL = frozenset(Operation)
PULL = frozenset({Operation.PULL})
PUSH = frozenset({Operation.PULL, Operation.PUSH})
_GATHER_S = 0.005  # tests wait for the records of one request, where a busy gateway waits for more of them

Pins = dict[tuple[str, str], dict[str, str]]

_BEGAN, _BEGAN_TICKS = time.time(), read_ticks()


def steady_now() -> float:
    """Epoch seconds that do not jump when the machine's clock is set: a database's clock that leaps ahead would end
    every grant of a test, and rightly so."""
    return _BEGAN + read_ticks() - _BEGAN_TICKS


def new_token() -> str:
    def word(length: int) -> str:
        return "".join(secrets.choice(ALPHABET) for _ in range(length))

    return format_token(TokenKind.GRANT, word(16), word(43))


class Collector:
    """Takes audit records as the control plane does: once per id. Keeps pins, by grant and repository."""

    def __init__(self, pins: Pins | None = None) -> None:
        self.records: dict[str, dict[str, object]] = {}
        self.pins: Pins = {} if pins is None else pins
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps(collector.pin(sent) if self.path.endswith("/pins") else collector.take(sent)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def take(self, sent: bytes) -> dict[str, object]:
        lines = list(filter(None, sent.split(b"\n")))
        for record in map(json.loads, lines):
            self.records.setdefault(record["id"], record)
        return {"accepted": len(lines), "duplicates": 0, "rejected": []}

    def pin(self, sent: bytes) -> dict[str, object]:
        asked = json.loads(sent)
        held = self.pins.setdefault((asked["grant"], asked["repository"]), {})
        for name, means in asked["names"].items():
            if means:
                held.setdefault(name, means)
        return {"pins": held}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(slots=True)
class Held:
    """One grant as the test holds it."""

    token: str
    view: SessionView


@dataclass(slots=True)
class Gateway:
    """A running proxy and the strings that a control plane would pull."""

    settings: Settings
    collector: Collector
    port: int = 0
    tls_port: int = 0
    admin_port: int = 0
    gate: Gate | None = None
    server: ProxyServer | None = None
    loop: asyncio.AbstractEventLoop | None = None
    is_beating: bool = True
    targets: dict[str, TargetFacts] = field(default_factory=dict)
    _views: dict[str, SessionView] = field(default_factory=dict)
    _news: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    # -- the control plane's side

    def add_target(
        self, slug: str, base_url: str, username: str = "", password: str = "", *, allow_private: bool = True,
        token_origins: tuple[str, ...] = (), redirect_origins: tuple[str, ...] = (), kind: str = "oci",
    ) -> None:  # fmt: skip
        self.targets[slug] = TargetFacts(
            slug, kind, base_url, username, Secret(password), allow_private, token_origins, redirect_origins
        )
        self._deliver_snapshot()

    def grant(
        self,
        target: str,
        *resources: ResourceScope,
        verify: bool = False,
        staleness: Staleness = Staleness.STRICT,
        lasts_s: float = 86_400.0,
        byte_budget: int = 0,
    ) -> Held:
        """A live grant with one token. Returns when the gate knows it."""
        token, now = new_token(), steady_now()
        scope = make_scope(resources)
        view = SessionView(
            grant_id=f"grt_{secrets.token_hex(10)}",
            epoch=1,
            state=ViewState.OPEN,
            reason=Reason.GRANTED,
            actor_id="usr_ada",
            actor_name="Ada",
            actor_kind="person",
            target=target,
            scope=scope,
            repositories=tuple(
                RepositoryFacts(item.repository, "sensitive", verify, staleness) for item in scope.resources
            ),
            leases=(LeaseFacts("lse_1", hash_token(token), now + lasts_s),),
            valid_from=now - 1,
            valid_until=now + lasts_s,
            rule="rule-1",
            byte_budget=byte_budget,
        )
        self.tell(view)
        return Held(token, view)

    def change(self, held: Held, **fields: object) -> None:
        """A new epoch of a grant's view, applied when this returns."""
        held.view = replace(held.view, epoch=held.view.epoch + 1, **fields)  # type: ignore[arg-type]
        self.tell(held.view)

    def revoke(self, held: Held, reason: Reason = Reason.GRANT_REVOKED) -> None:
        self.change(held, state=ViewState.CLOSED, reason=reason)

    def tell(self, *views: SessionView) -> None:
        self._views.update({view.grant_id: view for view in views})
        self._news += 1
        self._gate().deliver(Batch((ViewNews(views, (self._news, 0)),), None))

    def beat(self) -> None:
        ticks = read_ticks()
        self._gate().deliver(Batch((), Heartbeat(steady_now(), self._position(), ticks, ticks)))

    def _position(self) -> NewsPosition:
        return NewsPosition((self._news, 0), self._news, "birth")

    def _deliver_snapshot(self) -> None:
        views, targets = tuple(self._views.values()), tuple(self.targets.values())
        self._gate().deliver(
            Snapshot(steady_now(), self._position(), views, targets, read_ticks(), ends_doubt=True)
        )  # fmt: skip

    def _gate(self) -> Gate:
        assert self.gate is not None
        return self.gate

    # -- what happened

    def moved_under(self, held: Held) -> int:
        """Bytes that running exchanges of this grant have moved so far."""
        group = self._gate()._watches._groups.get(held.view.grant_id)  # nobody else asks for it
        return sum(watch.moved() for watch in list(group.running)) if group else 0

    def records(self, kind: str = "", **fields: object) -> list[dict[str, object]]:
        """Records that arrived, oldest first."""
        found = [item for item in list(self.collector.records.values()) if item["kind"].startswith(kind)]  # type: ignore[attr-defined]
        return [item for item in found if all(item[name] == value for name, value in fields.items())]

    def wait_record(self, kind: str, **fields: object) -> dict[str, object]:
        """The newest such record, as soon as there is one."""
        wait_for(lambda: self.records(kind, **fields), f"a record {kind} {fields}")
        return self.records(kind, **fields)[-1]

    def run(self, work: Callable[[], object]) -> None:
        """Run something on the proxy's loop and wait for it."""
        done = threading.Event()
        assert self.loop is not None
        self.loop.call_soon_threadsafe(lambda: (work(), done.set()))
        assert done.wait(LONGEST_WAIT_S)


def make_settings(folder: Path, control_url: str, **limits: float) -> Settings:
    return Settings.from_environ(
        {
            "JIT_PROXY_LISTEN": "127.0.0.1:0",
            "JIT_PROXY_ADMIN_LISTEN": "127.0.0.1:0",
            "JIT_PROXY_ID": "proxy-test",
            "JIT_CONTROL_URL": control_url,
            "JIT_PUBLIC_URL": PUBLIC_URL,
            "JIT_SPOOL_DIR": str(folder / "spool"),
            "JIT_REDIS_URL": "redis://127.0.0.1:1",
            "JIT_PROXY_SECRET": "s" * 32,
            "JIT_VIEW_KEY": "00" * 32,
        }
    )


@contextlib.contextmanager
def running_gateway(
    folder: Path,
    *,
    limits: Limits | None = None,
    tls: tuple[Path, Path] | None = None,
    dialects: Dialects | None = None,
    cache: Path | None = None,
    pins: Pins | None = None,
) -> Iterator[Gateway]:
    """A proxy that serves until the block ends."""
    collector = Collector(pins)
    settings = make_settings(folder, collector.url)
    if limits is not None:
        settings = replace(settings, limits=limits)
    if tls is not None:
        settings = replace(settings, tls_listen=Address("127.0.0.1", 0), tls_cert=tls[0], tls_key=tls[1])
    settings = replace(settings, cache_dir=cache)
    gateway = Gateway(settings, collector)
    ready, stop = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    async def serve() -> None:
        meter = Meter()
        gateway.gate = gate = Gate(meter)
        sink = AuditSink(settings, meter, now=gate.now)
        sink.start()
        pool = ConnectionPool()
        spoken = dialects or make_dialects(settings.view_key, bucket_host=settings.bucket_host)
        upstream = UpstreamClient(pool, spoken.sign_ins)
        services = Services(gate, sink, upstream, meter, settings.limits, settings.public_url, spoken)
        services.cache = open_cache(settings)
        services.pins = PinBoard(settings)
        server = gateway.server = ProxyServer(settings, services, pool)
        gateway.loop = asyncio.get_running_loop()
        gate.start()
        gateway._deliver_snapshot()
        gateway.beat()
        await server.start()
        gateway.port, gateway.tls_port = server.ports.plain, server.ports.tls
        gateway.admin_port = server.ports.admin
        ready.set()
        while not stop.is_set():
            if gateway.is_beating:
                gateway.beat()
            await asyncio.sleep(0.05)
        await server.drain(0.2)
        await services.pins.close()
        gate.close()
        if services.cache is not None:
            await asyncio.to_thread(services.cache.close)
        await sink.close()

    def run() -> None:
        try:
            uvloop.run(serve())
        except BaseException as exc:  # noqa: BLE001 - shown by the test that waits for it
            failures.append(exc)
            ready.set()

    thread = threading.Thread(target=run, name="proxy", daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipper, "GATHER_S", _GATHER_S)
        thread.start()
        assert ready.wait(LONGEST_WAIT_S)
        if failures:
            raise failures[0]
        try:
            yield gateway
        finally:
            stop.set()
            thread.join(LONGEST_WAIT_S)
            collector.close()
            assert not failures, failures
            assert not thread.is_alive(), "the proxy did not end"

"""Both planes in one test process: a real control plane (web, database, Valkey, publisher) and a gate on a loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any, TypeVar

from django.conf import settings as django_settings
from django.db import connection
from django.db.backends.signals import connection_created

from jit_access.core.sealing import seal
from jit_access.domain.reasons import Reason
from jit_access.proxy_sessions import news
from jit_access.proxy_sessions.publisher import Publisher
from jit_access.targets.models import Target
from registry_proxy.control_client import ControlClient
from registry_proxy.gate import Admission, Gate, Refusal
from registry_proxy.metering import Meter
from registry_proxy.protocols.wanted import Wanted
from registry_proxy.settings import Address, Secret, Settings
from tests.support.processes import wait_for
from tests.support.read_only import make_read_only
from tests.support.valkey import Valkey, running_valkey
from tests.support.views import TARGET

T = TypeVar("T")


def proxy_settings(folder: Path, *, control_url: str, redis_url: str, **changes: Any) -> Settings:
    """Settings of one proxy that knows the secrets of this test process."""
    facts: dict[str, Any] = {
        "listen": Address("127.0.0.1", 0),
        "tls_listen": None,
        "tls_cert": None,
        "tls_key": None,
        "admin_listen": None,
        "proxy_id": "proxy-1",
        "control_url": control_url,
        "public_url": control_url,
        "spool_dir": folder / "spool",
        "redis_url": Secret(redis_url),
        "proxy_secret": Secret(django_settings.PROXY_SECRET),
        "view_key": django_settings.VIEW_KEY,
    }
    return Settings(**(facts | changes))


@dataclass(slots=True)
class Plane:
    """The control plane of one test."""

    url: str
    valkey: Valkey
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start_publisher(self, *, read_only: bool = False) -> None:
        """`read_only`: every connection that it opens takes no writes."""
        self._stop = Event()
        self._thread = Thread(target=_publish, args=(self._stop, read_only), name="publisher")
        self._thread.start()

    def stop_publisher(self) -> None:
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None


def _publish(stop: Event, read_only: bool) -> None:
    thread = current_thread()

    def spoil(**_: Any) -> None:
        if current_thread() is thread:
            make_read_only()

    if read_only:
        connection_created.connect(spoil)
    try:
        Publisher(every_s=0.05).run(stop)
    finally:
        connection_created.disconnect(spoil)
        connection.close()


@contextlib.contextmanager
def running_plane(url: str, settings: Any) -> Iterator[Plane]:
    """`url` is the live server's, `settings` is pytest-django's fixture. One target exists."""
    with running_valkey() as valkey:
        settings.REDIS_URL = valkey.url
        settings.ROOT_URLCONF = "tests.support.internal_site"
        news.client.cache_clear()
        make_target()
        plane = Plane(url, valkey)
        plane.start_publisher()
        try:
            yield plane
        finally:
            plane.stop_publisher()
            news.client().close()
            news.client.cache_clear()


def make_target() -> Target:
    target = Target.objects.create(
        slug=TARGET, display_name="Demo registry", base_url="http://127.0.0.1:5000", username="gateway"
    )
    target.sealed_password = seal(b"upstream password", context=f"target:{target.public_id}:password")
    target.save()
    return target


class RunningGate:
    """A gate with its ear on an event loop in a thread; every call crosses over to the loop."""

    def __init__(self, settings: Settings, *, reload_s: float = 60.0) -> None:
        self.settings = settings
        self.meter = Meter()
        self.gate = Gate(self.meter)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="proxy-loop")
        self._thread.start()
        self.on_loop(self.gate.start)
        self._client = ControlClient(
            settings, self.meter, self.gate.deliver, collect=self.gate.collect_usage, reload_s=reload_s
        )
        self._client.start()

    def on_loop(self, call: Callable[..., T], *args: Any) -> T:
        async def run() -> T:
            return call(*args)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=60)

    def decide(self, token: str, wanted: tuple[Wanted, ...]) -> Admission | Reason:
        answer = self.on_loop(self.gate.decide, token, wanted)
        return answer.reason if isinstance(answer, Refusal) else answer

    def admits(self, token: str, wanted: tuple[Wanted, ...]) -> bool:
        return isinstance(self.decide(token, wanted), Admission)

    def is_ready(self) -> bool:
        return self.on_loop(self.gate.is_ready) is None

    def wait_until_ready(self) -> None:
        wait_for(self.is_ready, "the gate heard the control plane")

    def watch(self, token: str, wanted: tuple[Wanted, ...]) -> list[Reason]:
        """The list fills when the exchange is cut."""
        cuts: list[Reason] = []
        admission = self.decide(token, wanted)
        assert isinstance(admission, Admission), admission
        self.on_loop(self.gate.watch, admission, wanted, cuts.append)
        return cuts

    def move(self, token: str, wanted: tuple[Wanted, ...], count: int) -> None:
        """An exchange that moved so many bytes, and ended."""
        admission = self.decide(token, wanted)
        assert isinstance(admission, Admission), admission
        watch = self.on_loop(self.gate.watch, admission, wanted, lambda _: None, lambda: count)
        self.on_loop(self.gate.unwatch, watch)

    def begin(self, token: str, wanted: tuple[Wanted, ...], count: int) -> None:
        """So many requests, each let through."""
        for _ in range(count):
            admission = self.decide(token, wanted)
            assert isinstance(admission, Admission), admission
            self.on_loop(self.gate.count_request, admission)

    def stop(self) -> None:
        self._client.stop()
        self.on_loop(self.gate.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def running_gate(settings: Settings, *, reload_s: float = 60.0) -> Iterator[RunningGate]:
    gate = RunningGate(settings, reload_s=reload_s)
    try:
        yield gate
    finally:
        gate.stop()

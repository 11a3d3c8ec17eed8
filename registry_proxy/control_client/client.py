"""The threads of the ear: one listens, one loads a snapshot now and then in case something was missed after all.

A third one speaks: it reports what was moved under byte budgets.
"""

from __future__ import annotations

import logging
import math
import random
import sys
from collections.abc import Callable
from threading import Event, Thread

import redis

from jit_access.domain.errors import PeerError
from jit_access.domain.session_view import ViewRejected
from registry_proxy.control_client.listener import Listener, Resync
from registry_proxy.control_client.messages import Delivery, Doubt
from registry_proxy.control_client.snapshot import SnapshotSource
from registry_proxy.control_client.ticks import read_ticks
from registry_proxy.control_client.usage import Collect, UsageReporter
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings

RELOAD_EVERY_S = 60.0
RELOAD_AGAIN_S = 5.0
LONGEST_PAUSE_S = 2.0
CALM_S = 5.0  # after this long without trouble, the next trouble is met without a pause
# A busy loop keeps the listener's thread waiting for so long, several times for each message. Measured beside a loop
# that never rests: a tenth of Python's default takes half of the median wait away and costs the loop nothing.
SWITCH_S = 0.0005
_JOIN_S = 3.0

_log = logging.getLogger(__name__)


class Pause:
    """No pause before the first try, then longer ones: a forger must not make us flood the control plane."""

    def __init__(self) -> None:
        self._length_s = 0.0
        self._last = -math.inf

    def next(self, now: float) -> float:
        """Seconds to wait before the coming try."""
        self._length_s = 0.0 if now - self._last > CALM_S else min(max(0.1, 2 * self._length_s), LONGEST_PAUSE_S)
        self._last = now
        return self._length_s * random.uniform(0.5, 1.0)  # noqa: S311  # spreads proxies apart, hides nothing


class ControlClient:
    """Everything that is heard goes to `deliver`; like `collect`, it must be safe to call from any thread."""

    def __init__(
        self,
        settings: Settings,
        meter: Meter,
        deliver: Callable[[Delivery], None],
        *,
        collect: Collect = dict,
        reload_s: float = RELOAD_EVERY_S,
    ) -> None:
        self._meter = meter
        self._deliver = deliver
        self._reload_s = reload_s
        self._stop = Event()
        self._wants_snapshot = Event()
        self._source = SnapshotSource(settings, deliver)
        self._listener = Listener(settings, deliver, self._source.hear, self._wants_snapshot)
        self._usage = UsageReporter(settings, collect, deliver)
        self._threads = [
            Thread(target=self._listen, name="news-listener", daemon=True),
            Thread(target=self._reload, name="snapshot-reload", daemon=True),
            Thread(target=self._usage.run, args=(self._stop,), name="usage-report", daemon=True),
        ]

    def start(self) -> None:
        """Begin to listen."""
        sys.setswitchinterval(SWITCH_S)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads. Waits for them shortly: one tells what was moved last, the others hold nothing."""
        self._stop.set()
        self._wants_snapshot.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_JOIN_S)
        self._source.close()

    def _listen(self) -> None:
        pause, why = Pause(), "start"
        while not self._stop.wait(pause.next(read_ticks())):
            try:
                snapshot = self._source.load(ends_doubt=True)
                self._meter.reload(why)
                self._listener.listen(snapshot, self._stop)
            except Resync as exc:
                why = self._explain_resync(exc)
            except redis.RedisError as exc:
                why = "redis-lost"
                _log.warning("the news stream was lost: %s", type(exc).__name__)
            except (PeerError, ViewRejected) as exc:
                _log.warning("no snapshot: %s", exc.sentence)
            except Exception:  # noqa: BLE001  # outermost loop of the thread: a deaf proxy would never hear again
                why = "bug"
                self._deliver(Doubt(why))
                _log.exception("the listener failed")

    def _explain_resync(self, exc: Resync) -> str:
        if exc.is_doubt:
            self._deliver(Doubt(exc.why))
        if exc.why == "forged":
            self._meter.rejected_news()
        _log.warning("loading everything again: %s", exc.why)
        return exc.why

    def _reload(self) -> None:
        wait_s = self._reload_s
        while not self._stop.is_set():
            self._wants_snapshot.wait(wait_s)
            self._wants_snapshot.clear()
            if self._stop.is_set():
                return
            wait_s = self._reload_s
            try:
                self._source.load(ends_doubt=False)
                self._meter.reload("periodic")
            except (PeerError, ViewRejected) as exc:
                wait_s = min(RELOAD_AGAIN_S, self._reload_s)
                _log.warning("no snapshot: %s", exc.sentence)
            except Exception:  # noqa: BLE001  # outermost loop of the thread: without it, lost news stay lost
                _log.exception("the periodic snapshot failed")

"""Tells the control plane what was moved under byte budgets, and hears what all proxies moved together (ADR 0013)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from itertools import islice
from threading import Event

import httpx

from registry_proxy.control_client.channel import open_channel
from registry_proxy.control_client.messages import Delivery, UsageTold
from registry_proxy.settings import Settings

REPORT_EVERY_S = 0.25  # what other processes may move in this time is the most that a budget is overrun by
GRANTS_PER_REPORT = 500

_log = logging.getLogger(__name__)

Collect = Callable[[], Mapping[str, int]]


class UsageReporter:
    """Runs in a thread. Counters only grow, so what was not taken is simply told again."""

    def __init__(self, settings: Settings, collect: Collect, deliver: Callable[[Delivery], None]) -> None:
        self._collect = collect
        self._deliver = deliver
        self._run = secrets.token_hex(16)  # another one after a restart: our counters begin at zero then
        self._is_failing = False
        self._http = open_channel(settings)

    def run(self, stop: Event) -> None:
        """Report until `stop`, and what is left then."""
        is_last = False
        while not is_last:
            is_last = stop.wait(REPORT_EVERY_S)
            try:
                self.report()
            except Exception:  # noqa: BLE001  # outermost loop of the thread: without it budgets would never be shared
                _log.exception("what was moved could not be reported")
        self._http.close()

    def report(self) -> None:
        """One round. What the control plane does not take now stays due."""
        due = iter(self._collect().items())
        while moved := dict(islice(due, GRANTS_PER_REPORT)):
            used = self._send(moved)
            if used is None:
                return
            self._deliver(UsageTold(moved, used))

    def _send(self, moved: Mapping[str, int]) -> dict[str, int] | None:
        try:
            answer = self._http.post("/internal/v1/usage", json={"run": self._run, "moved": moved})
            answer.raise_for_status()
            used = answer.json()["used"]
            if not all(isinstance(total, int) for total in used.values()):
                raise TypeError("used")
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            if not self._is_failing:
                _log.warning("what was moved waits to be reported: %s", type(exc).__name__)
            self._is_failing = True
            return None
        self._is_failing = False
        return dict(used)

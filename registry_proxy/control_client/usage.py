"""Tells the control plane what was counted under budgets, and hears what all proxies counted together (ADR 0013)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from itertools import islice
from threading import Event

import httpx

from registry_proxy.control_client.channel import open_channel
from registry_proxy.control_client.messages import Counts, Delivery, UsageTold
from registry_proxy.settings import Settings

REPORT_EVERY_S = 0.25  # what other processes may move in this time is the most that a budget is overrun by
GRANTS_PER_REPORT = 500

_log = logging.getLogger(__name__)

Collect = Callable[[], Mapping[str, Counts]]


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
                _log.exception("what was counted could not be reported")
        self._http.close()

    def report(self) -> None:
        """One round. What the control plane does not take now stays due."""
        due = iter(self._collect().items())
        while told := dict(islice(due, GRANTS_PER_REPORT)):
            used = self._send(told)
            if used is None:
                return
            self._deliver(UsageTold(told, used))

    def _send(self, told: Mapping[str, Counts]) -> dict[str, Counts] | None:
        moved = {grant_id: counts.moved for grant_id, counts in told.items()}
        requested = {grant_id: counts.requests for grant_id, counts in told.items() if counts.requests}
        try:
            report = {"run": self._run, "moved": moved, "requests": requested}
            answer = self._http.post("/internal/v1/usage", json=report)
            answer.raise_for_status()
            used = _read_used(answer.json())
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            if not self._is_failing:
                _log.warning("what was counted waits to be reported: %s", type(exc).__name__)
            self._is_failing = True
            return None
        self._is_failing = False
        return used


def _read_used(body: Mapping[str, Mapping[str, int]]) -> dict[str, Counts]:
    """A control plane of the version before knows no requests, and gives nobody a budget of them."""
    moved, requested = body["used"], body.get("requests", {})
    if not all(isinstance(total, int) for total in (*moved.values(), *requested.values())):
        raise TypeError("used")
    return {grant_id: Counts(total, requested.get(grant_id, 0)) for grant_id, total in moved.items()}

"""The publisher: sends what commits left behind, and beats while the database takes writes and Redis answers.

A heartbeat says "a revocation could have been committed just now, and this is how far the news are". So the row that
proves it is written first, the beat is sent last, and not at all when anything before it failed: silence is what makes
the proxies shut.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from threading import Event
from time import monotonic

import redis
from django.db import DatabaseError, InterfaceError, connection

from jit_access.proxy_sessions import news, pins, pulse, services, usage

BEAT_EVERY_S = 0.25
PRUNE_EVERY_BEATS = 240  # a minute
NOTED_AHEAD_S = 1.0

_log = logging.getLogger(__name__)


class Publisher:
    """One loop. Two may run at once, during a deployment: the proxies take the newest word of either."""

    def __init__(self, *, every_s: float = BEAT_EVERY_S) -> None:
        self._every_s = every_s
        self._beats = 0
        self._is_failing = False
        self._is_ahead = False
        self._pulse_at = monotonic()

    def run(self, stop: Event) -> None:
        """Beat until `stop`."""
        while not stop.is_set():
            self.try_beat()
            stop.wait(self._every_s)

    def try_beat(self) -> bool:
        """One round. Returns whether the proxies heard of it; a lost part ends the round, never the loop."""
        try:
            self._beat()
        except (redis.RedisError, DatabaseError, InterfaceError) as exc:
            self._note_failure(exc)
            return False
        if self._is_failing:
            _log.warning("beating again")
            self._is_failing = False
        return True

    def _beat(self) -> None:
        # Before the drain: what was committed by then goes out before this beat.
        ticks = monotonic()
        time = pulse.take_pulse(since_last=timedelta(seconds=ticks - self._pulse_at))
        self._pulse_at = ticks
        services.drain_outbox()
        news.beat(time, news.read_position())
        self._note_clock(time.ahead.total_seconds())
        self._beats += 1
        if self._beats % PRUNE_EVERY_BEATS == 0:
            services.prune_outbox()
            usage.prune_usage()
            pins.prune_pins()

    def _note_clock(self, ahead_s: float) -> None:
        is_ahead = ahead_s > NOTED_AHEAD_S
        if is_ahead and not self._is_ahead:
            _log.error("the database's clock went back by %.1f s; the proxies go on by the later time", ahead_s)
        self._is_ahead = is_ahead

    def _note_failure(self, exc: Exception) -> None:
        if not self._is_failing:
            _log.warning("no heartbeat: %s", type(exc).__name__)
            self._is_failing = True
        if isinstance(exc, (DatabaseError, InterfaceError)) and not connection.in_atomic_block:
            connection.close()  # or the next round would use the connection that broke

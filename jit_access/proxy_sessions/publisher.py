"""The publisher: sends what commits left behind, and beats while database and Redis both answer.

A heartbeat says "the database answered, and this is how far the news are". So it is sent last, and not at all when
anything before it failed: silence is what makes the proxies shut.
"""

from __future__ import annotations

import logging
from threading import Event

import redis
from django.db import DatabaseError, InterfaceError, connection

from jit_access.core import clock
from jit_access.proxy_sessions import news, services

BEAT_EVERY_S = 0.25
PRUNE_EVERY_BEATS = 240  # a minute

_log = logging.getLogger(__name__)


class Publisher:
    """One loop. Two may run at once, during a deployment: the proxies take the newest word of either."""

    def __init__(self, *, every_s: float = BEAT_EVERY_S) -> None:
        self._every_s = every_s
        self._beats = 0
        self._is_failing = False

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
        db_now = clock.now().timestamp()
        services.drain_outbox()
        news.beat(db_now, news.read_position())
        self._beats += 1
        if self._beats % PRUNE_EVERY_BEATS == 0:
            services.prune_outbox()

    def _note_failure(self, exc: Exception) -> None:
        if not self._is_failing:
            _log.warning("no heartbeat: %s", type(exc).__name__)
            self._is_failing = True
        if isinstance(exc, (DatabaseError, InterfaceError)) and not connection.in_atomic_block:
            connection.close()  # or the next round would use the connection that broke

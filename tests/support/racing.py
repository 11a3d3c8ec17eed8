"""Many threads at one line, each with its own connection to the database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from jit_access.domain.errors import GatewayError

Result = TypeVar("Result")
PATIENCE_S = 120
_MOST_RUNNERS = 32


class Racers:
    """Threads and connections that stay between races: making them costs a database more than most races do."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_MOST_RUNNERS)
        self._opened: set[BaseDatabaseWrapper] = set()

    def race(self, runners: Sequence[Callable[[], Result]]) -> list[Result | GatewayError]:
        """Start all at once; what each returned, or the refusal it got. Any other failure of one fails the test."""
        line = Barrier(len(runners))

        def run(runner: Callable[[], Result]) -> Result | GatewayError:
            try:
                connection.ensure_connection()
                self._opened.add(connections[connection.alias])
                line.wait(PATIENCE_S)
                return runner()
            except GatewayError as refusal:
                return refusal

        futures = [self._pool.submit(run, runner) for runner in runners]
        return [future.result(PATIENCE_S) for future in futures]

    def close(self) -> None:
        """Their connections too: a test database is dropped only when nobody holds it."""
        self._pool.shutdown()
        for opened in self._opened:
            opened.inc_thread_sharing()  # its own thread is gone
            opened.close()


@contextlib.contextmanager
def lasting_racers() -> Iterator[Racers]:
    """For many races in a row."""
    racers = Racers()
    try:
        yield racers
    finally:
        racers.close()


def race(runners: Sequence[Callable[[], Result]]) -> list[Result | GatewayError]:
    """One race, and nothing is left of it."""
    with lasting_racers() as racers:
        return racers.race(runners)

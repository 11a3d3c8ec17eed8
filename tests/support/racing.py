"""Many threads at one line, each with its own connection to the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

from jit_access.domain.errors import GatewayError

Result = TypeVar("Result")
PATIENCE_S = 60


def race(runners: Sequence[Callable[[], Result]]) -> list[Result | GatewayError]:
    """Start all at once; what each returned, or the refusal it got. Any other failure of one fails the test."""
    line = Barrier(len(runners))

    def run(runner: Callable[[], Result]) -> Result | GatewayError:
        try:
            connection.ensure_connection()
            line.wait(PATIENCE_S)
            return runner()
        except GatewayError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(runners)) as pool:
        return [future.result(PATIENCE_S) for future in [pool.submit(run, runner) for runner in runners]]

"""Runs one of our own clients as a process on the other core and reads what it says, one JSON object a line."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.loads.client import Order
from benchmarks.packages import command
from benchmarks.processes import CannotMeasure
from benchmarks.site import Site
from jit_access.demo.stack.layout import ROOT

LONGEST_S = 180.0


class Load:
    """A running client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def next_word(self) -> dict[str, Any]:
        """The next thing that it says. Raises CannotMeasure when it fails or hangs."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(LONGEST_S):
                raise CannotMeasure(f"the client said nothing for {LONGEST_S:g} s")
        line = self._process.stdout.readline()
        if not line:
            error = self._process.stderr.read().strip().splitlines() if self._process.stderr else []
            raise CannotMeasure(f"the client failed: {error[-1] if error else 'no word'}")
        word: dict[str, Any] = json.loads(line)
        return word

    def release(self) -> None:
        """Let it stop holding."""
        if self._process.stdin is not None:
            self._process.stdin.close()


@contextlib.contextmanager
def running_load(site: Site, module: str, order: Order) -> Iterator[Load]:
    """Start `benchmarks.loads.<module>`; it is killed at the end of the block if it still runs."""
    words = (command("taskset"), "-c", str(site.cores.others), sys.executable, "-m", f"benchmarks.loads.{module}")
    process = subprocess.Popen(
        [*words, order.to_json()],
        cwd=ROOT,
        env={**os.environ, **({"OPENSSL_CONF": str(site.openssl_conf)} if order.ca_file else {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        with process:
            yield Load(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()
    finally:
        process.kill()


def run_load(site: Site, module: str, order: Order) -> dict[str, Any]:
    """Start it and take its last word."""
    with running_load(site, module, order) as load:
        return load.next_word()

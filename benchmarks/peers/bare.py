"""The floor: our language and our event loop, with nothing on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from benchmarks.peers.base import Door, Visit, stopping
from benchmarks.processes import free_port
from benchmarks.site import Site
from benchmarks.upstreams.base import Upstream


class BareRelay:
    """Says how much of a small request's price is ours to change, and how much comes with Python."""

    name = "bare"
    title = "bare relay in Python"

    @contextlib.contextmanager
    def open(self, site: Site, upstream: Upstream) -> Iterator[Visit]:
        port = free_port()
        words = (sys.executable, "-m", "benchmarks.peers.bare_relay", str(port), str(upstream.port))
        child = site.measured.serve(self.name, words, port)
        with stopping(child):
            yield Visit(Door(port), [child])
